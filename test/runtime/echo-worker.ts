import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { dataOfWorker } from '../../src/runtime/start-worker.ts';

/* Says what it was given, and what was sent to it by then. */
const data = dataOfWorker();
parentPort!.postMessage({ data, next: receiveMessageOnPort(parentPort!)?.message });

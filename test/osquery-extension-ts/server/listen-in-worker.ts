// Run as a worker thread: serves at the path it is given, until it is told to stop.
import { parentPort, workerData } from 'node:worker_threads';
import { ExtensionServer } from 'osquery-extension-ts/server';

const server = new ExtensionServer({ managerSocketPath: workerData, uuid: 5, plugins: [] });
await server.listen();
parentPort?.postMessage('listening');
parentPort?.once('message', async () => {
  await server.close();
  parentPort?.postMessage('closed');
});

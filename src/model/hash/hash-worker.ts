import { type MessagePort, parentPort } from 'node:worker_threads';
import { createLocalDigester } from './digester.ts';
import type { HashAnswer, HashQuestion } from './worker-protocol.ts';

/** Answers questions that come in on a port; for a program of one file, whose threads share an entry. */
export const serveHashes = (port: MessagePort): void => {
  const digest = createLocalDigester();
  port.on('message', ({ id, fd, size }: HashQuestion) => {
    void digest(fd, size).then(digests => port.postMessage({ id, digests } satisfies HashAnswer));
  });
};

if (parentPort !== null) serveHashes(parentPort);

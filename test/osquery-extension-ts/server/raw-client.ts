import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A socket that does what it is told and collects what comes. */
export interface RawClient {
  readonly socket: Socket;
  /** All bytes received, once the server has closed the connection. */
  readonly received: Promise<Buffer>;
}

export async function rawClient(path: string, paused = false): Promise<RawClient> {
  const socket = connect({ path, allowHalfOpen: true });
  onTestFinished(() => {
    socket.destroy();
  });
  const chunks: Buffer[] = [];
  const done = Promise.withResolvers<Buffer>();
  socket.on('error', () => {});
  socket.on('close', () => done.resolve(Buffer.concat(chunks)));
  socket.on('end', () => socket.end());
  if (paused) socket.pause();
  else socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'connect');
  return { socket, received: done.promise };
}

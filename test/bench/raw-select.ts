import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import type { PluginRow } from 'osquery-extension-ts';
import { encodeCall } from './raw-request.ts';

const RECEIVE_BYTES = 1 << 18;

export interface TimedReply {
  /** From the request's first byte written to the reply's last byte read, in milliseconds. */
  readonly milliseconds: number;
  readonly bytes: number;
}

/**
 * Sends one `call` and reads the reply without looking at it: what is measured is the server, not a client's decoding.
 * Half of the connection is closed behind the request, so that the server ends it behind the reply.
 */
export const timeCall = async (
  socketPath: string,
  registry: string,
  item: string,
  request: PluginRow,
): Promise<TimedReply> => {
  const message = encodeCall(registry, item, request);
  const buffer = Buffer.allocUnsafeSlow(RECEIVE_BYTES);
  return new Promise((resolve, reject) => {
    let bytes = 0;
    let started = 0;
    let last = 0;
    const socket = createConnection({
      path: socketPath,
      allowHalfOpen: true,
      onread: {
        buffer,
        callback: count => {
          bytes += count;
          last = performance.now();
          return true;
        },
      },
    });
    socket.on('connect', () => {
      started = performance.now();
      socket.end(message);
    });
    socket.on('end', () => resolve({ milliseconds: last - started, bytes }));
    socket.on('error', reject);
  });
};

/** Sends one `call` and reads nothing of the reply. */
export const neverRead = async (
  socketPath: string,
  registry: string,
  item: string,
  request: PluginRow,
): Promise<Socket> => {
  const socket = createConnection({ path: socketPath, allowHalfOpen: true });
  // The server may have had enough of it.
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.pause();
  socket.end(encodeCall(registry, item, request));
  return socket;
};

import { parentPort, workerData } from 'node:worker_threads';
import { ByteCursor } from '../../src/osquery-extension-ts/src/wire/byte-cursor.ts';
import { MessageReader } from '../../src/osquery-extension-ts/src/wire/message-reader.ts';
import { readMessageHeader, readResponse } from '../../src/osquery-extension-ts/src/wire/response-codec.ts';
import { libc } from '../../src/runtime/libc.ts';
import { close, connect, errno, socket } from '../../src/runtime/socket-calls.ts';
import type { CoreLikeCalls, CoreLikeTimes } from './core-like-client.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const RECEIVE_BYTES = 1 << 18;
const MOST_BYTES = 1 << 30;

const send: (fd: number, bytes: Uint8Array, length: number, flags: number) => number = libc.func(
  'long send(int fd, void *bytes, size_t length, int flags)',
);
const recv: typeof send = libc.func('long recv(int fd, void *bytes, size_t length, int flags)');

const { socketPath, ping, calls } = workerData as CoreLikeCalls;
const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), Buffer.from(socketPath), Buffer.of(0)]);
const received = Buffer.allocUnsafeSlow(RECEIVE_BYTES);

/** Sends a request on a connection of its own and reads its reply. */
const exchange = (request: Uint8Array): Buffer => {
  const fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(fd, address, address.length) !== 0) throw new Error(`connect: errno ${errno()}`);
  send(fd, request, request.length, 0);
  const reader = new MessageReader(MOST_BYTES);
  for (;;) {
    const length = recv(fd, received, received.length, 0);
    if (length <= 0) throw new Error(`no reply: recv gave ${length}, errno ${errno()}`);
    reader.push(Buffer.from(received.subarray(0, length)));
    const message = reader.next();
    if (message === undefined) continue;
    close(fd);
    return message;
  }
};

/** How many rows there are, or what went wrong in their place. */
const rowsIn = (reply: Buffer): number => {
  const cursor = new ByteCursor(reply);
  const { status, rows } = readResponse(cursor, readMessageHeader(cursor));
  if (status.code !== 0) throw new Error(`the extension answered ${status.code}: ${status.message}`);
  return rows.count;
};

const whole = new Float64Array(calls.length);
const pings = new Float64Array(calls.length);
let rows = 0;
calls.forEach((call, i) => {
  const start = performance.now();
  exchange(ping);
  pings[i] = performance.now() - start;
  const reply = exchange(call);
  whole[i] = performance.now() - start;
  rows += rowsIn(reply);
});
const times: CoreLikeTimes = { whole, ping: pings, rows };
parentPort!.postMessage(times);

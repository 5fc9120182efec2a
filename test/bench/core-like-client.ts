import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { PluginRow } from 'osquery-extension-ts';
import { encodeCall, encodePing } from './raw-request.ts';

/** What the thread is given: it calls one plugin with each request in turn. */
export interface CoreLikeCalls {
  readonly socketPath: string;
  readonly ping: Uint8Array;
  readonly calls: readonly Uint8Array[];
}

/** Milliseconds, by call. */
export interface CoreLikeTimes {
  /** From the first connect to the end of the reply to the call. */
  readonly whole: Float64Array;
  /** … of it, the connection for the ping. */
  readonly ping: Float64Array;
  /** In the replies to the calls. */
  readonly rows: number;
}

/**
 * Calls an extension as core does for each generate of a join: a connection and a ping, then a second connection and the
 * call, one after the other and waiting for each in the system call. In a thread of its own, as core's query is.
 */
export const callLikeCore = async (
  socketPath: string,
  registry: string,
  item: string,
  requests: readonly PluginRow[],
): Promise<CoreLikeTimes> => {
  const workerData: CoreLikeCalls = {
    socketPath,
    ping: encodePing(),
    calls: requests.map(request => encodeCall(registry, item, request)),
  };
  const worker = new Worker(new URL('./core-like-worker.ts', import.meta.url), { workerData });
  // Both may come in one turn, in which only who waits already hears of the end.
  const [[times]] = (await Promise.all([once(worker, 'message'), once(worker, 'exit')])) as [
    [CoreLikeTimes],
    unknown,
  ];
  return times;
};

import { channel } from 'node:diagnostics_channel';
import { debuglog } from 'node:util';

/** Shown on stderr with `NODE_DEBUG=osquery-extension`; this package never writes to the console otherwise. */
export const debug = debuglog('osquery-extension');

/** What is published on `osquery-extension:client:call` after each call of a client. */
export interface ClientCallMessage {
  readonly socketPath: string;
  readonly method: string;
  readonly milliseconds: number;
  readonly error?: unknown;
}

/** What is published on `osquery-extension:server:request` after each request to a server. */
export interface ServerRequestMessage {
  readonly socketPath: string;
  readonly method: string;
  readonly milliseconds: number;
  /** An upper bound: parts that are made while writing are not known before. */
  readonly replyBytes: number;
}

/** What is published on `osquery-extension:server:rejected` for each connection that was dropped. */
export interface ServerRejectedMessage {
  readonly socketPath: string;
  readonly reason: unknown;
}

/** Names of the node:diagnostics_channel channels of this package. */
export const CHANNELS = {
  clientCall: 'osquery-extension:client:call',
  serverRequest: 'osquery-extension:server:request',
  serverRejected: 'osquery-extension:server:rejected',
} as const;

const clientCall = channel(CHANNELS.clientCall);
const serverRequest = channel(CHANNELS.serverRequest);
const serverRejected = channel(CHANNELS.serverRejected);

export function publishClientCall(message: ClientCallMessage): void {
  if (clientCall.hasSubscribers) clientCall.publish(message);
}

/** Whether anybody listens to requests. */
export function hearsOfRequests(): boolean {
  return serverRequest.hasSubscribers;
}

export function publishServerRequest(message: ServerRequestMessage): void {
  if (serverRequest.hasSubscribers) serverRequest.publish(message);
}

export function publishServerRejected(message: ServerRejectedMessage): void {
  debug('%s: connection dropped: %s', message.socketPath, message.reason);
  if (serverRejected.hasSubscribers) serverRejected.publish(message);
}

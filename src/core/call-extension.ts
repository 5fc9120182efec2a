/**
 * How core calls an extension: one connection to see that it answers, a second one for the call.
 *
 * Source: osquery 5.23 `extensions/extensions.cpp` (extensionPathActive, callExtension).
 */

import { type EncodedRows, isOsqueryError } from 'osquery-extension-ts';
import { bytesOf } from 'osquery-extension-ts/encoded';
import { ExtensionClient } from 'osquery-extension-ts/server';
import type { PluginRequest } from 'osquery-extension-ts/types';
import { readNextRow } from '../runtime/answer-parts.ts';
import { messageOf } from '../runtime/message-of.ts';
import { type EncodedRowList, MAP_HEADER } from './sql/row-cursor.ts';

/** Core's limit for the answer to a ping. */
const PING_TIMEOUT_MS = 10_000;

/** Rejects with core's message if nobody answers at the path. */
export const pingExtension = async (socketPath: string, signal?: AbortSignal): Promise<void> => {
  const client = new ExtensionClient({ socketPath, timeoutMs: PING_TIMEOUT_MS });
  try {
    await client.ping(signal === undefined ? {} : { signal });
  } catch (error) {
    throw new Error(`Extension socket not available: ${socketPath}`, { cause: error });
  } finally {
    await client.close();
  }
};

/** Calls a plugin of the extension; rejects with the message that core would give the statement. */
export const callExtension = async (options: {
  readonly socketPath: string;
  readonly registry: string;
  readonly item: string;
  readonly request: PluginRequest;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}): Promise<EncodedRows<Uint8Array>> => {
  await pingExtension(options.socketPath, options.signal);
  const client = new ExtensionClient({ socketPath: options.socketPath, timeoutMs: options.timeoutMs });
  const limits = options.signal === undefined ? {} : { signal: options.signal };
  try {
    return await client.callEncoded(options.registry, options.item, options.request, limits);
  } catch (error) {
    // A status that the extension chose is passed on unchanged.
    if (isOsqueryError(error, 'OSQUERY_STATUS')) throw error;
    const message = messageOf(error);
    throw new Error(`Extension call failed: ${message}`, { cause: error });
  } finally {
    await client.close();
  }
};

/**
 * The rows in one separate block of memory, so that it can be transferred to another thread.
 *
 * @param isPart whether the request was for a part of an answer
 */
export const inOnePiece = (rows: EncodedRows, isPart = false): EncodedRowList => {
  const { count } = rows;
  const chunks = [...bytesOf(rows.chunks)];
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (!isPart && length === count * MAP_HEADER) return emptyRows(count);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  const said = isPart ? readNextRow(bytes) : undefined;
  if (said === undefined) return { bytes, count };
  const own = bytes.subarray(said.end);
  const isEmpty = own.length === (count - 1) * MAP_HEADER;
  return { ...(isEmpty ? emptyRows(count - 1) : { bytes: own, count: count - 1 }), next: said.next };
};

/** One empty row for each row that the extension returned. */
const emptyRows = (count: number): EncodedRowList => ({ bytes: new Uint8Array(0), count, areEmpty: true });

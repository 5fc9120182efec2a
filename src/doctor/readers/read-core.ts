import { lstatSync } from 'node:fs';
import { ExtensionManagerClient, isOsqueryError, type PluginRow } from 'osquery-extension-ts';
import type { CoreFacts, RunningCore, ScheduledQuery } from '../facts.ts';
import { fileFailure } from './read-text.ts';

/** Default path of the daemon's socket, unless --extensions_socket names another. */
export const DEFAULT_SOCKET = '/var/osquery/osquery.em';

export interface ReadCoreOptions {
  readonly socketPath: string;
  /** Whether the user named this socket, so that something should be there. */
  readonly expected: boolean;
  /** Limit of each question, in milliseconds. */
  readonly timeoutMs?: number;
  /** Limit of the question for the schedule, which osquery answers only after the queries that are due. */
  readonly scheduleTimeoutMs?: number;
}

/** Asks a running osquery about itself, through its extension socket. */
export const readCore = async ({
  socketPath,
  expected,
  timeoutMs = 5_000,
  scheduleTimeoutMs = 60_000,
}: ReadCoreOptions): Promise<CoreFacts> => {
  try {
    lstatSync(socketPath);
  } catch (error) {
    const failure = fileFailure(error);
    if (failure.kind === 'missing') {
      return expected
        ? { kind: 'unreachable', path: socketPath, why: 'there is no such socket', denied: false }
        : { kind: 'absent', path: socketPath };
    }
    return { kind: 'unreachable', path: socketPath, why: failure.why, denied: true };
  }
  try {
    await using client = new ExtensionManagerClient({ socketPath, timeoutMs });
    return await ask(client, scheduleTimeoutMs);
  } catch (error) {
    if (!isOsqueryError(error)) throw error;
    return { kind: 'unreachable', path: socketPath, why: error.message, denied: isDenied(error) };
  }
};

const isDenied = ({ cause }: Error): boolean =>
  cause instanceof Error && 'code' in cause && (cause.code === 'EACCES' || cause.code === 'EPERM');

const ask = async (client: ExtensionManagerClient, scheduleTimeoutMs: number): Promise<RunningCore> => {
  const options = await client.options();
  const extensions = await client.extensions();
  const info = (await rows(client, 'SELECT pid, version, config_valid FROM osquery_info'))?.[0];
  const status = (await rows(client, 'SELECT bpf FROM audit_status'))?.[0];
  const tables = await rows(client, "SELECT name, owner_uuid FROM osquery_registry WHERE registry = 'table'");
  const schedule = await rows(client, 'SELECT name, query, interval, denylisted FROM osquery_schedule', {
    timeoutMs: scheduleTimeoutMs,
  }).catch(error => {
    if (isOsqueryError(error, 'OSQUERY_TIMEOUT')) return undefined;
    throw error;
  });
  return {
    kind: 'running',
    path: client.socketPath,
    version: info?.version,
    pid: info?.pid === undefined ? undefined : Number(info.pid),
    configValid: info?.config_valid === undefined ? undefined : info.config_valid === '1',
    options: new Map([...options].map(([name, { value }]) => [name, value])),
    extensions: new Map([...extensions.values()].map(({ name, version }) => [name, version])),
    tables: tables?.map(({ name = '', owner_uuid = '' }) => ({
      name,
      native: owner_uuid === '' || owner_uuid === '0',
    })),
    schedule: schedule?.map(scheduledQuery),
    bpf: status?.bpf || undefined,
  };
};

/** undefined if osquery refuses the query, because it has no such table. */
const rows = async (
  client: ExtensionManagerClient,
  sql: string,
  limits?: { readonly timeoutMs: number },
): Promise<PluginRow[] | undefined> => {
  try {
    return await client.query(sql, limits);
  } catch (error) {
    if (isOsqueryError(error, 'OSQUERY_STATUS')) return undefined;
    throw error;
  }
};

const scheduledQuery = (row: PluginRow): ScheduledQuery => ({
  name: row.name ?? '',
  sql: row.query ?? '',
  interval: Number(row.interval) || 0,
  denylisted: row.denylisted === '1',
});

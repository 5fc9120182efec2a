/** Reads the processes of what is buffered. */
import type { SqlRow, SqlSource } from '../sql-source.ts';
import {
  EVENT_COLUMNS,
  SYSCALL_COLUMN,
  TELEMETRY_COLUMNS,
  type TreeProcess,
  treesOfEvents,
  treesOfTelemetry,
} from './process-tree.ts';

/** The roots of all trees. */
export const readTree = async (source: SqlSource, signal: AbortSignal): Promise<Iterable<TreeProcess>> => {
  const telemetry = await telemetryRows(source, signal);
  if (telemetry.length > 0) return treesOfTelemetry(telemetry);
  const columns = [...EVENT_COLUMNS, ...((await hasSyscall(source)) ? [SYSCALL_COLUMN] : [])];
  return treesOfEvents(await source.query(select('process_events', columns), signal));
};

/** None for recorded events: the files would be read a second time for them. */
const telemetryRows = async (source: SqlSource, signal: AbortSignal): Promise<readonly SqlRow[]> => {
  try {
    const [status] = await source.query('SELECT mode FROM audit_status', signal);
    if (status?.mode === 'replay') return [];
    return await source.query(select('process_telemetry_events', TELEMETRY_COLUMNS), signal);
  } catch (error) {
    // A core may lack these tables.
    if (signal.aborted) throw error;
    return [];
  }
};

/** macOS has no such column. */
const hasSyscall = async (source: SqlSource): Promise<boolean> => {
  try {
    await source.columns(`SELECT ${SYSCALL_COLUMN} FROM process_events`);
    return true;
  } catch {
    return false;
  }
};

const select = (table: string, columns: readonly string[]): string =>
  `SELECT ${columns.map(name => `"${name}"`).join(', ')} FROM ${table} ORDER BY CAST(eid AS INTEGER)`;

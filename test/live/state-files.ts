import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RowLogReader } from '../../src/events/persistence/row-log.ts';
import { eventSpecs } from '../../src/extension/event-flow.ts';

/** Milliseconds for a write, on a busy machine. */
const PATIENCE_MS = 20_000;
/** Milliseconds after which counters are written in any case. */
const COUNTERS_MS = 1_500;
const LOOK_MS = 50;

/**
 * Resolves when a text is in the rows on disk of each table, and the counters up to there as well: they are written after the
 * rows.
 *
 * @param directory of the state
 */
export const untilSaved = async (
  directory: string,
  text: string,
  tables: readonly string[] = ['process_events'],
): Promise<void> => {
  for (const table of tables) {
    const isThere = (): boolean => isInRows(directory, table, text);
    if (!(await comesTrue(isThere, PATIENCE_MS)))
      throw new Error(`${text} was never saved in ${directory}/${table}`);
  }
  const rowsAt = Math.max(...tables.map(table => writtenAt(join(directory, table))));
  await comesTrue(() => writtenAt(directory, 'positions') >= rowsAt, COUNTERS_MS);
};

const comesTrue = async (isSo: () => boolean, withinMs: number): Promise<boolean> => {
  const deadline = performance.now() + withinMs;
  while (!isSo()) {
    if (performance.now() > deadline) return false;
    await sleep(LOOK_MS);
  }
  return true;
};

/** The last file by name in a directory; undefined before there is one. */
const newestIn = (directory: string): string | undefined => {
  try {
    return readdirSync(directory).sort().at(-1);
  } catch {
    return undefined;
  }
};

const isInRows = (directory: string, table: string, text: string): boolean => {
  const name = newestIn(join(directory, table));
  if (name === undefined) return false;
  const columnNames = eventSpecs.find(spec => spec.name === table)!.columns.map(column => column.name);
  let isThere = false;
  const reader = new RowLogReader(columnNames, ({ bytes }) => {
    isThere ||= Buffer.from(bytes).includes(text);
  });
  reader.read(readFileSync(join(directory, table, name)));
  return isThere;
};

const writtenAt = (directory: string, name = newestIn(directory)): number =>
  name === undefined ? 0 : (statSync(join(directory, name), { throwIfNoEntry: false })?.mtimeMs ?? 0);

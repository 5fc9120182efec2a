import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExampleOf } from './table-part.ts';

/** Recordings whose rows are looked at first, because they are the plainest. */
const FIRST = ['exec.json', 'kill.json', 'connect-ipv4.json', 'su.json', 'files.json'];

type Rows = Readonly<Record<string, readonly Readonly<Record<string, string>>[]>>;

/** Rows of the recorded events in fixtures/, by table. */
export const fixtureRows = (directory: string): readonly Rows[] => {
  const names = readdirSync(directory).filter(
    name => name.endsWith('.json') && !name.startsWith('osquery-') && !FIRST.includes(name),
  );
  return [...FIRST, ...names.sort()].map(name => JSON.parse(readFileSync(join(directory, name), 'utf8')));
};

/** The first value that is not empty, of the recorded events. */
export const exampleFrom =
  (recordings: readonly Rows[]): ExampleOf =>
  (table, column) => {
    for (const rows of recordings)
      for (const row of rows[table] ?? []) if ((row[column] ?? '') !== '') return row[column];
    return undefined;
  };

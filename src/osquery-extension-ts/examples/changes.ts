// An event table: the changes in a directory. A scheduled query gets each change once.
import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { eventTable, main } from 'osquery-extension-ts';

const directory = process.env.WATCHED ?? '/etc';
const columns = [
  { name: 'change', type: 'TEXT' },
  { name: 'path', type: 'TEXT' },
] as const;
let watcher: FSWatcher | undefined;

const changes = eventTable(
  { name: 'file_changes', columns },
  {
    start({ append }) {
      watcher = watch(directory, (change, name) => append({ change, path: join(directory, name ?? '') }));
    },
    stop: () => watcher?.close(),
  },
);

await main({ name: 'file_changes', version: '1.0.0', plugins: [changes] });

// A table of 100,000 rows × 10 columns as objects, made for each query. See peers.ts.
import { main, TablePlugin } from 'osquery-extension-ts';

const ROWS = 100_000;
const columns = [
  { name: 'pid', type: 'BIGINT' },
  { name: 'name', type: 'TEXT' },
  { name: 'path', type: 'TEXT' },
  { name: 'cmdline', type: 'TEXT' },
  { name: 'uid', type: 'BIGINT' },
  { name: 'gid', type: 'BIGINT' },
  { name: 'start_time', type: 'BIGINT' },
  { name: 'state', type: 'TEXT' },
  { name: 'resident_size', type: 'BIGINT' },
  { name: 'parent', type: 'BIGINT' },
] as const;

const table = new TablePlugin(
  { name: 'object_rows', columns },
  {
    *generate() {
      for (let pid = 0; pid < ROWS; pid++) {
        yield {
          pid,
          name: `process_${pid % 100}`,
          path: `/usr/bin/process_${pid % 100}`,
          cmdline: `/usr/bin/process_${pid % 100} --number ${pid}`,
          uid: 1000 + (pid % 7),
          gid: 1000,
          start_time: 1_700_000_000 + pid,
          state: 'S',
          resident_size: pid * 4096,
          parent: 1,
        };
      }
    },
  },
);

await main({ name: 'object_rows', version: '1.0.0', plugins: [table] });

/**
 * For the tests that are quick because they start no process: one that does says so here, and is to be listed in
 * `PROCESSES` of vitest.config.ts.
 */
import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';

for (const name of ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork'] as const) {
  Object.assign(childProcess, {
    [name]: () => {
      throw new Error(`a test that starts a process (${name}) has to be listed in test/vitest.config.ts`);
    },
  });
}
syncBuiltinESMExports();

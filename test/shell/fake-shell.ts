/** The shell over the fake extension, on this process's streams. Arguments: `--mode=M`, `--sql=S`, and the rest. */
import { fileURLToPath } from 'node:url';
import { runShell } from '../../src/shell/run-shell.ts';

const own = new Map(
  process.argv.slice(2).flatMap(argument => {
    const [, name, value] = /^--(mode|sql|program)=(.*)$/s.exec(argument) ?? [];
    return name === undefined ? [] : [[name, value!]];
  }),
);
const moreArgs = process.argv.slice(2).filter(argument => !/^--(?:mode|sql|program)=/.test(argument));
const sql = own.get('sql');
const program = own.get('program');

process.exit(
  await runShell({
    coreFlags: new Map([['events_max', '123']]),
    extension:
      program === undefined
        ? {
            path: process.execPath,
            args: [...process.execArgv, fileURLToPath(new URL('../core/fake-extension.ts', import.meta.url))],
            moreArgs,
          }
        : { path: program, args: [] },
    mode: (own.get('mode') ?? 'table') as 'table' | 'json' | 'csv' | 'line',
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    ...(sql === undefined ? {} : { sql }),
  }),
);

/** A daemon over the fake extension. Arguments: `--directory=D` for everything it writes, then those of the extension. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runDaemon } from '../../src/core/schedule/run-daemon.ts';

const [, directory = ''] = /^--directory=(.*)$/.exec(process.argv[2] ?? '') ?? [];

process.exit(
  await runDaemon({
    coreFlags: new Map([
      ['database_path', join(directory, 'db')],
      ['logger_path', join(directory, 'log')],
      ['extensions_interval', '1'],
      ['extensions_timeout', '20'],
      ['host_identifier', 'specified'],
      ['specified_identifier', 'test-host'],
    ]),
    extensions: [
      {
        path: process.execPath,
        args: [...process.execArgv, fileURLToPath(new URL('./fake-extension.ts', import.meta.url))],
        moreArgs: process.argv.slice(3),
      },
    ],
    schedule: [join(directory, 'osquery.conf')],
    everySeconds: 1,
    stdout: process.stdout,
    stderr: process.stderr,
  }),
);

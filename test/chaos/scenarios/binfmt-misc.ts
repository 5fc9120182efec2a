import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processTelemetryEvents } from '../../../tables/process_telemetry_events.ts';
import { processOptions } from '../../bench/audit-options.ts';
import type { Scenario } from '../../bench/scenario.ts';
import { selectRequest } from '../../bench/select-request.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { writeSmallestProgram } from '../smallest-program.ts';
import { Undo } from '../undo.ts';

const MOUNT = '/proc/sys/fs/binfmt_misc';
/** None; argv[0] is kept; the file is given opened; the interpreter is that of the time it was registered. */
const FLAGS = ['', 'P', 'O', 'F'] as const;
/** The last argument of each. */
const MARK = /of (root|user)$/;
const USER = 65_534;
/** In a user namespace of his own he may register one as well, from Linux 6.7 on. */
const REGISTER_AS_USER = `mount -t binfmt_misc none ${MOUNT} && echo "$1" > ${MOUNT}/register && exec "$2" "of $3"`;

export const binfmtMisc: Scenario = {
  name: 'binfmt-misc',
  title:
    'files of a format that has an interpreter (binfmt_misc), as root and as a user in a namespace of his own',
  needsAudit: true,
  run: async ({ program }) => {
    const directory = realpathSync(mkdtempSync(join(tmpdir(), 'binfmt-')));
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => rmSync(directory, { recursive: true }));
    chmodSync(directory, 0o755);
    const interpreter = join(directory, 'interpreter');
    writeSmallestProgram(interpreter);
    const name = `chaos-${process.pid}`;
    if (!existsSync(join(MOUNT, 'register'))) {
      spawnSync('mount', ['-t', 'binfmt_misc', 'binfmt_misc', MOUNT]);
      cleanup.use(new Undo('umount "$1"', MOUNT));
    }
    const format = (i: number): string => `${name}-${i}`;
    const line = (i: number): string => `:${format(i)}:M::${format(i)}::${interpreter}:${FLAGS[i]}`;
    const files = FLAGS.map((_, i) => {
      const file = join(directory, `file-${i}`);
      writeFileSync(file, `${format(i)}\n`, { mode: 0o755 });
      return file;
    });
    await using extension = await SupervisedExtension.start(
      { ...processOptions, custom_audit_state_dir: 'none' },
      program,
    );
    // It is there before it reads.
    await extension.settled();
    const run = (who: string, file: string, i: number): boolean => {
      if (who === 'root') return spawnSync(file, [`of ${who}`]).status === 0;
      const user = [`--reuid=${USER}`, `--regid=${USER}`, '--clear-groups', 'unshare', '-Urm'];
      return (
        spawnSync('setpriv', [...user, 'sh', '-c', REGISTER_AS_USER, 'sh', line(i), file, who]).status === 0
      );
    };
    let begun = 0;
    // First as the user: a namespace that has none of its own uses those of the host.
    for (const who of ['user', 'root']) {
      for (const [i, file] of files.entries()) {
        if (who === 'root') {
          writeFileSync(join(MOUNT, 'register'), line(i));
          cleanup.use(new Undo('echo -1 > "$1"', join(MOUNT, format(i))));
        }
        if (run(who, file, i)) begun++;
      }
    }
    await extension.settled();
    const rows = (await extension.scheduled()).filter(({ cmdline }) => MARK.test(cmdline ?? ''));
    const columns = ['process_path', 'process_command_line', 'process_sha256'];
    const { context } = selectRequest(processTelemetryEvents.spec, { columns });
    const telemetry = (
      await extension.core.generate(processTelemetryEvents.spec.name, JSON.parse(context!))
    ).filter(({ process_command_line }) => MARK.test(process_command_line ?? ''));
    const status = await extension.status();
    return [
      { name: 'programs run', value: begun, unit: '', goal: { atLeast: FLAGS.length } },
      { name: '… with rows', value: rows.length, unit: 'rows', goal: { atLeast: begun } },
      {
        name: '… and of what ran, the interpreter',
        value: telemetry.filter(({ process_path }) => process_path === interpreter).length,
        unit: 'rows',
        goal: { atLeast: begun },
      },
      { name: 'malformed records', value: Number(status.malformed_records), unit: '', goal: { atMost: 0 } },
    ];
  },
};

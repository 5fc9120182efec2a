import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MAX_BYTES = 64 * 1024 * 1024;

export interface TryOptions {
  /** Absolute path of the project, for its fixtures. */
  readonly root: string;
  readonly executable: string;
  /** The command that emulates the architecture; empty if this machine runs it. */
  readonly emulator: readonly string[];
  readonly version: string;
}

/**
 * Tries an executable, of this architecture or in an emulator, as far as an emulator can: its version, recorded
 * events, and a BSM trail.
 *
 * @throws Error with what it printed instead
 */
export const tryExecutable = async ({ root, executable, emulator, version }: TryOptions): Promise<void> => {
  const [program, ...before] = [...emulator, executable];
  const attempt = async (args: readonly string[], expected: RegExp): Promise<void> => {
    const { stdout, stderr } = await run(program!, [...before, ...args], {
      cwd: root,
      env: { PATH: process.env.PATH },
      maxBuffer: MAX_BYTES,
    });
    if (expected.test(stdout)) return;
    throw new Error(
      `${executable} ${args.join(' ')}: expected ${expected}, got ${stdout.slice(0, 500)}${stderr}`,
    );
  };
  await attempt(['--version'], new RegExp(`^osquery-audit-events ${version.replaceAll('.', '\\.')}$`, 'm'));
  await attempt(
    ['stream', '--replay', join('fixtures', 'exec.log')],
    /^\{"timestamp":"\d{4}-.*"process_path":"\/.*\}\n/,
  );
  await attempt(['bsm', '--json', join('fixtures', 'openbsm', 'every-token.trail')], /^\{.*\}\n/);
};

import { afterEach, describe, expect, test } from 'vitest';
import {
  ExtensionProcess,
  type ExtensionProcessOptions,
  shellStatus,
} from '../../src/core/extension-process.ts';

const started: ExtensionProcess[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map(found => found.stop(async () => false)));
});

const log: string[] = [];

/** A process that runs the script with `sh`; what core adds to the arguments is in `$@`. */
const process_ = (script: string, more: Partial<ExtensionProcessOptions> = {}): ExtensionProcess => {
  log.length = 0;
  const made = new ExtensionProcess({
    command: { path: '/bin/sh', args: ['-c', script, 'name'], moreArgs: ['--replay=x y'] },
    socketPath: '/some/core.em',
    timeout: 3,
    interval: 2,
    verbose: false,
    log: (level, message) => log.push(`${level}: ${message}`),
    stdio: 'ignore',
    ...more,
  });
  started.push(made);
  return made;
};

const nobody = async (): Promise<boolean> => false;

describe('ExtensionProcess', () => {
  test('starts a program with the arguments and environment osqueryd gives', async () => {
    const check = `test "$*" = "--socket /some/core.em --timeout 3 --interval 2 --replay=x y" && test "$5" = --interval`;
    expect(
      await process_(`${check} && test "$OSQUERY_EXTENSION" = ${process.pid} && exit 7`).start(),
    ).toEqual({
      code: 7,
      signal: null,
    });
    expect(await process_('test "$1" = --verbose', { verbose: true }).start()).toMatchObject({ code: 0 });
  });

  test('puts it into a process group of its own, out of reach of Ctrl-C', async () => {
    const grouped = process_('sleep 60');
    const ended = grouped.start();
    // A group of this number exists only if the process leads one.
    process.kill(-grouped.pid!, 'SIGUSR1');
    expect(await ended).toEqual({ code: null, signal: 'SIGUSR1' });
  });

  test('says when it cannot be started', async () => {
    const missing = process_('', { command: { path: '/nonexistent/x.ext', args: [] } });
    await expect(missing.start()).rejects.toThrow('cannot start the extension /nonexistent/x.ext');
  });

  test('starts it again whenever it ends', async () => {
    const supervised = process_('sleep 60', { respawnAfterMs: 50 });
    supervised.supervise();
    const first = supervised.start();
    const pid = supervised.pid!;
    process.kill(pid, 'SIGKILL');
    await first;
    await expect.poll(() => supervised.pid ?? pid, { timeout: 10_000 }).not.toBe(pid);
    expect(log).toEqual([
      'warning: the extension ended by SIGKILL; starting it again',
      'warning: Extension respawning too quickly: /bin/sh',
    ]);
  });

  test('stops it by asking, and does not start it again', async () => {
    const asked = process_('sleep 60', { respawnAfterMs: 1 });
    asked.supervise();
    const ended = asked.start();
    await asked.stop(async () => {
      process.kill(asked.pid!, 'SIGUSR1');
      return true;
    });
    expect(await ended).toEqual({ code: null, signal: 'SIGUSR1' });
    expect(asked.pid).toBeUndefined();
  });

  test('stops it with SIGTERM when there is nobody to ask or asking leads nowhere', async () => {
    const ways = [nobody, async () => true, () => Promise.reject(new Error('refused'))];
    const ends = ways.map(async ask => {
      // Longer than a busy machine takes to end a process.
      const deaf = process_('sleep 60', { stopGraceMs: 2_000 });
      const ended = deaf.start();
      await deaf.stop(ask);
      return ended;
    });
    expect(await Promise.all(ends)).toEqual(ways.map(() => ({ code: null, signal: 'SIGTERM' })));
  });

  test('stops it with SIGKILL when nothing else helps', async () => {
    const stubborn = process_('trap "" TERM; while :; do sleep 0.05; done', { stopGraceMs: 300 });
    const ended = stubborn.start();
    // Not before the trap is set.
    await new Promise(resolve => setTimeout(resolve, 500));
    await stubborn.stop(() => new Promise(() => {}));
    expect(await ended).toEqual({ code: null, signal: 'SIGKILL' });
    expect(log.join()).toContain('does not end on SIGTERM');
  });
});

test.each([
  [{ code: 3, signal: null }, 3],
  [{ code: null, signal: 'SIGKILL' as const }, 137],
  [{ code: null, signal: 'SIGTERM' as const }, 143],
])('shellStatus(%j) is %i', (status, expected) => {
  expect(shellStatus(status)).toBe(expected);
});

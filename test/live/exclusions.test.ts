import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, linkSync, mkdtempSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openAuditControl } from '../../src/audit/control/control.ts';
import { ownRule, ruleTexts } from '../../src/audit/control/rules.ts';
import { unless } from '../unless.ts';
import { whyNotLive } from './kernel-audit.ts';
import { LiveShell } from './live-shell.ts';

const AUDIT_EXE = 112;

/** The programs that rules of ours leave out. */
const exesLeftOut = async (): Promise<readonly string[]> => {
  const control = openAuditControl();
  try {
    const rules = (await control.listRules()).filter(rule => ownRule(rule) !== undefined);
    return [
      ...new Set(rules.flatMap(ruleTexts).flatMap(([field, text]) => (field === AUDIT_EXE ? [text] : []))),
    ].sort();
  } finally {
    control.close();
  }
};

const run = (...command: readonly [string, ...string[]]): void =>
  expect(spawnSync(command[0], command.slice(1)).status).toBe(0);

test('programs and users that are left out have no rows, and the others do', unless(whyNotLive), async () => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'exclusions-')));
  const path = (name: string): string => join(directory, name);
  for (const name of ['one', 'two-names', 'seen', 'next']) {
    copyFileSync('/bin/true', path(name));
    chmodSync(path(name), 0o755);
  }
  linkSync(path('two-names'), path('other-name'));
  try {
    await using shell = await LiveShell.start(
      '--custom_audit_telemetry=false',
      '--custom_audit_exclude_uid=1',
      `--custom_audit_exclude_exe=/usr/bin/env,${path('one')},${path('two-names')}`,
    );
    // A file with two names may be run by the other one.
    expect(await exesLeftOut()).toEqual([path('one'), '/usr/bin/env'].sort());
    run('/bin/sh', '-c', '/usr/bin/setpriv --reuid 1 --clear-groups /bin/true left-out; :');
    run('/usr/bin/env', '/bin/true', 'seen');
    run(path('one'), 'left-out');
    run(path('two-names'), 'left-out');
    run(path('other-name'), 'seen');
    // The rule means the path: also what takes the file's place.
    renameSync(path('next'), path('one'));
    run(path('one'), 'left-out');
    // In another mount namespace the path means another file, of which the kernel's rule knows nothing.
    run(
      ...['/usr/bin/unshare', '-m', '/bin/sh', '-c'],
      `/bin/mount --bind ${path('seen')} ${path('one')} && exec ${path('one')} left-out`,
    );
    run(path('seen'), 'seen');
    const rows = await shell.query(
      "SELECT cmdline FROM process_events WHERE cmdline LIKE '%left-out' OR cmdline LIKE '%seen' ORDER BY eid",
    );
    const others = rows.filter(({ cmdline }) => !/^\/(?:bin\/sh|usr\/bin\/unshare) /.test(cmdline!));
    expect(others.map(({ cmdline }) => cmdline)).toEqual([
      '/usr/bin/setpriv --reuid 1 --clear-groups /bin/true left-out',
      '/bin/true seen',
      `${path('other-name')} seen`,
      `${path('seen')} seen`,
    ]);
    // What the kernel leaves out never was a record. The counters come with the next look at the worker.
    await expect
      .poll(() => shell.query('SELECT excluded_by_exe, excluded_by_uid FROM audit_status'), {
        timeout: 10_000,
      })
      .toEqual([{ excluded_by_exe: '2', excluded_by_uid: '0' }]);
    await shell.end();
    expect(await exesLeftOut()).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

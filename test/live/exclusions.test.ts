import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { unless } from '../unless.ts';
import { whyNotLive } from './kernel-audit.ts';
import { LiveShell } from './live-shell.ts';

test('programs and users that are left out have no rows, and the others do', unless(whyNotLive), async () => {
  await using shell = await LiveShell.start(
    '--custom_audit_telemetry=false',
    '--custom_audit_exclude_uid=1',
    '--custom_audit_exclude_exe=/usr/bin/env',
  );
  const run = (...command: readonly [string, ...string[]]) =>
    expect(spawnSync(command[0], command.slice(1)).status).toBe(0);
  run('/bin/sh', '-c', '/usr/bin/setpriv --reuid 1 --clear-groups /bin/true left-out; :');
  run('/usr/bin/env', '/bin/true', 'seen');
  const rows = await shell.query(
    "SELECT cmdline FROM process_events WHERE cmdline LIKE '%left-out' OR cmdline LIKE '%seen' ORDER BY eid",
  );
  expect(rows.map(({ cmdline }) => cmdline)).toEqual([
    '/usr/bin/setpriv --reuid 1 --clear-groups /bin/true left-out',
    '/bin/true seen',
  ]);
  // The user's own never were records. The counters come with the next look at the worker.
  await expect
    .poll(() => shell.query('SELECT excluded_by_exe, excluded_by_uid FROM audit_status'), { timeout: 10_000 })
    .toEqual([{ excluded_by_exe: '1', excluded_by_uid: '0' }]);
});

/**
 * Records what auditd makes of the same events: `npm run record:auditd`, as root, with Debian's auditd installed and
 * not running. Writes fixtures/auditd-raw.log (log_format RAW) and fixtures/auditd-enriched.log (ENRICHED, with
 * interpreted fields behind 0x1D and `node=`), and their rows.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openAuditControl } from '../../src/audit/control/control.ts';
import { replayRows } from '../replay-rows.ts';

const SCRATCH = '/tmp/osquery-audit-record';
const fixtures = new URL('../../fixtures/', import.meta.url).pathname;

const configuration = (log: string, format: 'RAW' | 'ENRICHED'): string =>
  Object.entries({
    log_file: log,
    log_format: format,
    ...(format === 'ENRICHED' ? { name_format: 'USER', name: 'web1' } : {}),
    flush: 'INCREMENTAL',
    freq: 1,
    num_logs: 2,
    max_log_file: 8,
    max_log_file_action: 'IGNORE',
    space_left: 75,
    space_left_action: 'IGNORE',
    admin_space_left: 50,
    admin_space_left_action: 'IGNORE',
    disk_full_action: 'IGNORE',
    disk_error_action: 'IGNORE',
    priority_boost: 0,
  })
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');

const ACTIVITY = `
mkdir "${SCRATCH}/a directory"; cd "${SCRATCH}/a directory"
auditctl -a always,exit -F arch=b64 -S execve,connect -F ppid=$$ -k recorded
auditctl -e 1
/bin/echo one "two three" ""
/bin/su nobody -s /bin/true
/usr/bin/perl -e 'use Socket; socket(my $u, AF_INET, SOCK_DGRAM, 0); connect($u, pack_sockaddr_in(53, inet_aton("127.0.0.53")))'
auditctl -d always,exit -F arch=b64 -S execve,connect -F ppid=$$ -k recorded
auditctl -e 0`;

const control = openAuditControl();
const found = await control.getStatus();
await control.setStatus({ failure: 0 });
await control.setStatus({ backlogWaitTime: 0 });
await control.setStatus({ backlogLimit: 8192 });
try {
  for (const format of ['RAW', 'ENRICHED'] as const) await record(format);
} finally {
  await control.setStatus({ enabled: found.enabled });
  await control.setStatus({ backlogLimit: found.backlogLimit });
  await control.setStatus({ backlogWaitTime: found.backlogWaitTime });
  await control.setStatus({ failure: found.failure });
  control.close();
}

async function record(format: 'RAW' | 'ENRICHED'): Promise<void> {
  mkdirSync(SCRATCH, { mode: 0o755 });
  const log = `${SCRATCH}/audit.log`;
  writeFileSync(`${SCRATCH}/auditd.conf`, configuration(log, format), { mode: 0o640 });
  const auditd = spawn('/usr/sbin/auditd', ['-n', '-s', 'nochange', '-c', SCRATCH], { stdio: 'inherit' });
  try {
    await sleep(1_500);
    execFileSync('/bin/sh', ['-c', ACTIVITY], { stdio: 'ignore', timeout: 10_000 });
    await sleep(500);
  } finally {
    auditd.kill('SIGTERM');
    await once(auditd, 'exit');
  }
  const name = `auditd-${format.toLowerCase()}`;
  copyFileSync(log, `${fixtures}${name}.log`);
  const rows = await replayRows(`${fixtures}${name}.log`);
  writeFileSync(`${fixtures}${name}.json`, `${JSON.stringify(rows, undefined, 1)}\n`);
  process.stdout.write(
    `${name}: ${Object.entries(rows).map(([table, list]) => `${table} ${list.length}`)}\n`,
  );
  rmSync(SCRATCH, { recursive: true });
}

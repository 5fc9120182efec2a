import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { unless } from '../unless.ts';
import { whyNotLive } from './kernel-audit.ts';
import { LiveShell } from './live-shell.ts';

const ENABLED = '/sys/module/apparmor/parameters/enabled';
const PARSER = '/sbin/apparmor_parser';
const whyNot =
  whyNotLive ??
  (existsSync(ENABLED) && readFileSync(ENABLED, 'latin1').trim() === 'Y' && existsSync(PARSER)
    ? undefined
    : 'it needs AppArmor, and its parser');

/** What a program of the C library needs to start. */
const START = '/usr/** mr, /lib/** mr, /lib64/** mr, /etc/ld.so.cache r, /tmp/** mr, /etc/locale.alias r,';

describe('AppArmor of the live kernel', unless(whyNot), () => {
  test('a profile is loaded, in complain mode allows, and denies: each has its row', async () => {
    const scratch = mkdtempSync(`${tmpdir()}/live-apparmor-`);
    chmodSync(scratch, 0o755);
    const program = `${scratch}/a program`;
    copyFileSync('/bin/cat', program);
    const profile = `live-${process.pid}`;
    const load = (flags: string): void => {
      const text = `profile ${profile} "${program}" ${flags} { ${START} }\n`;
      execFileSync(PARSER, ['--replace', '--skip-cache'], { input: text, stdio: ['pipe', 'pipe', 'pipe'] });
    };
    await using shell = await LiveShell.start('--audit_allow_apparmor_events');
    try {
      load('flags=(complain)');
      const allowed = spawnSync(program, ['/etc/hostname']);
      expect(allowed.status).toBe(0);
      load('');
      const denied = spawnSync(program, ['/etc/hostname']);
      expect(denied.status).not.toBe(0);
      const rows = await shell.query(
        `SELECT type, apparmor, operation, name, pid, comm, requested_mask, denied_mask, fsuid, ouid FROM apparmor_events WHERE profile = '${profile}' AND name = '/etc/hostname' ORDER BY eid`,
      );
      const opened = {
        type: 'AA',
        operation: 'open',
        name: '/etc/hostname',
        comm: 'a program',
        requested_mask: 'r',
        denied_mask: 'r',
        fsuid: '0',
        ouid: '0',
      };
      expect(rows).toEqual([
        { ...opened, apparmor: 'ALLOWED', pid: String(allowed.pid) },
        { ...opened, apparmor: 'DENIED', pid: String(denied.pid) },
      ]);
      const loaded = await shell.query(
        `SELECT apparmor, operation FROM apparmor_events WHERE name = '${profile}' AND comm = 'apparmor_parser' ORDER BY eid`,
      );
      expect(loaded).toEqual([
        { apparmor: 'STATUS', operation: 'profile_load' },
        { apparmor: 'STATUS', operation: 'profile_replace' },
      ]);
      const executions = await shell.query(
        `SELECT argv FROM process_events WHERE pid IN (${allowed.pid}, ${denied.pid}) AND syscall LIKE 'execve%' ORDER BY eid`,
      );
      expect(executions.map(({ argv }) => JSON.parse(argv!))).toEqual([
        [program, '/etc/hostname'],
        [program, '/etc/hostname'],
      ]);
    } finally {
      execFileSync(PARSER, ['--remove'], {
        input: `profile ${profile} { }\n`,
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      rmSync(scratch, { recursive: true });
    }
  });
});

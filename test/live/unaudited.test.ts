import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { unauditedProcesses } from '../../src/bpf/unaudited-processes.ts';
import { auditsFromBoot } from '../../src/runtime/kernel-command-line.ts';
import { unless } from '../unless.ts';
import { whyNotLive } from './kernel-audit.ts';
import { LiveShell } from './live-shell.ts';
import { programsLoaded } from './programs-loaded.ts';

/** Pid and port of a server that was there before audit was first enabled. */
const [server, port] = (process.env.UNAUDITED_SERVER ?? '').split(' ').map(Number) as [number, number];
const whyNot =
  whyNotLive ??
  (server > 0 ? undefined : 'it needs a server that is older than audit, as `npm run prove:kernels` has one');

const isAuditedFromBoot =
  existsSync('/proc/cmdline') && auditsFromBoot(readFileSync('/proc/cmdline', 'latin1'));

/** Connects once, and waits until the server has closed the connection. */
const visit = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let own = 0;
    socket.on('connect', () => {
      own = socket.localPort!;
    });
    socket.on('close', () => resolve(own));
    socket.on('error', reject);
    socket.resume();
  });

describe('a server that is older than audit', unless(whyNot), () => {
  test('is told as a process that audit cannot see, unless audit was on from boot', async () => {
    await using _shell = await LiveShell.start();
    expect(unauditedProcesses().includes(server)).toBe(!isAuditedFromBoot);
    // What runs the tests may be older than audit, too.
    const later = spawn('/bin/sleep', ['600']);
    onTestFinished(() => void later.kill());
    expect(unauditedProcesses()).not.toContain(later.pid);
  });

  test(
    'has rows like any other where audit was on from boot',
    unless(isAuditedFromBoot ? undefined : 'it needs audit=1 on the command line of the kernel'),
    async () => {
      await using shell = await LiveShell.start('--audit_allow_sockets');
      // The accept in which the server waits began before there were rules: the kernel does not record it.
      await visit();
      const own = await visit();
      const rows = await shell.query(
        `SELECT pid, path, action, status, source FROM socket_events WHERE remote_port = ${own} AND action = 'accept'`,
      );
      expect(rows).toEqual([
        {
          pid: String(server),
          path: '/usr/bin/perl',
          action: 'accept',
          status: 'succeeded',
          source: 'audit',
        },
      ]);
    },
  );

  test(
    'has rows by BPF where audit cannot see it, and the kernel takes programs at the ends of calls',
    unless(isAuditedFromBoot ? 'audit sees every process here' : undefined),
    async () => {
      await using shell = await LiveShell.start('--audit_allow_sockets');
      await programsLoaded(shell);
      const [status] = await shell.query('SELECT bpf, unaudited_processes FROM audit_status');
      expect(Number(status!.unaudited_processes)).toBeGreaterThan(0);
      const own = await visit();
      const rows = await shell.query(
        `SELECT pid, path, action, status, source, audit_id FROM socket_events WHERE remote_port = ${own} AND action = 'accept'`,
      );
      const row = { pid: String(server), path: '/usr/bin/perl', action: 'accept', status: 'succeeded' };
      expect(rows).toEqual(status!.bpf === 'fexit' ? [{ ...row, source: 'bpf', audit_id: '' }] : []);
    },
  );
});

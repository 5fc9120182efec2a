import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unauditedProcesses } from '../../src/bpf/unaudited-processes.ts';
import { unless } from '../unless.ts';
import { whyNotLive } from './kernel-audit.ts';
import { LiveShell } from './live-shell.ts';
import { programsLoaded } from './programs-loaded.ts';

const isThere = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const whyNot =
  whyNotLive ??
  (['auditctl', 'setpriv', 'python3'].every(isThere) ? undefined : 'it needs auditctl, setpriv and python3');

/** Nobody else has this uid: what it makes is not audited, as if it were older than audit. */
const UID = 54_321;
const RULE = ['never,task', '-F', `uid=${UID}`];
const CONNECTS = 20;

/** Connects as often as told, and says from which ports to which port; then executes something. */
const PROGRAM = `
import os, socket, sys
server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen(64)
ports = []
for i in range(${CONNECTS}):
  c = socket.socket(); c.connect(server.getsockname()); ports.append(c.getsockname()[1]); c.close()
print(os.getpid(), server.getsockname()[1], *ports, flush=True)
os.execv("/bin/true", ["/bin/true", sys.argv[1], "", "a b"])
`;

describe('processes that audit cannot see', unless(whyNot), () => {
  let shell: LiveShell;
  beforeAll(async () => {
    execFileSync('auditctl', ['-a', ...RULE]);
    shell = await LiveShell.start('--audit_allow_sockets', '--custom_audit_telemetry_budget_ms=10000');
    await programsLoaded(shell);
  });
  afterAll(async () => {
    await shell?.[Symbol.asyncDispose]();
    execFileSync('auditctl', ['-d', ...RULE]);
  });

  test('their execs and connects have one row each, with the source bpf', async () => {
    const mark = `unaudited-${process.pid}`;
    // The shell is audited, because its maker is; what it makes is not.
    const said = execFileSync(
      'setpriv',
      [`--reuid=${UID}`, '--clear-groups', 'sh', '-c', `python3 -c '${PROGRAM}' ${mark}; exit 0`],
      { encoding: 'utf8' },
    );
    const [pid, port, ...ports] = said.trim().split(' ');
    const execs = await shell.query(
      `SELECT source, audit_id, path, argv, parent, uid, cwd FROM process_events WHERE pid = ${pid} ORDER BY eid`,
    );
    expect(execs).toMatchObject([
      { source: 'bpf', audit_id: '', path: expect.stringContaining('python3'), uid: String(UID) },
      {
        source: 'bpf',
        audit_id: '',
        path: expect.stringMatching(/\/true$/),
        argv: JSON.stringify(['/bin/true', mark, '', 'a b']),
        uid: String(UID),
      },
    ]);
    const [maker] = await shell.query(
      `SELECT source, audit_id FROM process_events WHERE pid = ${execs[0]!.parent}`,
    );
    expect(maker).toMatchObject({ source: 'audit', audit_id: expect.stringContaining(':') });
    const connects = await shell.query(
      `SELECT source, audit_id, status, remote_address, remote_port, local_address, local_port, path
        FROM socket_events WHERE pid = ${pid} AND action = 'connect' ORDER BY eid`,
    );
    expect(connects).toMatchObject(
      ports.map(local_port => ({
        source: 'bpf',
        audit_id: '',
        status: 'succeeded',
        remote_address: '127.0.0.1',
        remote_port: port,
        local_address: '127.0.0.1',
        local_port,
      })),
    );
    const telemetry = await shell.query(
      `SELECT parent_process_pid FROM process_telemetry_events WHERE process_pid = ${pid}`,
    );
    expect(telemetry).toHaveLength(2);
    for (const row of telemetry) expect(row.parent_process_pid).toBe(execs[0]!.parent);
    const [status] = await shell.query('SELECT bpf_events, bpf_lost FROM audit_status');
    expect(Number(status!.bpf_events)).toBeGreaterThanOrEqual(CONNECTS + 2);
    expect(status!.bpf_lost).toBe('0');
  });

  test('the kernel names them, and not their makers', async () => {
    const maker = spawn(
      'setpriv',
      [`--reuid=${UID}`, '--clear-groups', 'sh', '-c', 'sleep 60 & echo $!; wait'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      const [said] = (await once(maker.stdout!, 'data')) as [Buffer];
      const pid = Number(said.toString());
      expect(unauditedProcesses()).toContain(pid);
      expect(unauditedProcesses()).not.toContain(maker.pid);
      process.kill(pid);
      await once(maker, 'exit');
      expect(unauditedProcesses()).not.toContain(pid);
    } finally {
      maker.kill();
    }
  });
});

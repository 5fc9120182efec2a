/**
 * Records the fixtures from the live kernel: `npm run record [-- --to DIRECTORY] [NAME …]`, as root. For each scenario it
 * writes fixtures/NAME.log (the raw records, one per line: numeric type and payload) and fixtures/NAME.json (the rows that
 * come of them), or writes both to another directory. Read the rows before committing them: they are what the tests will
 * expect.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { AUDIT_FIRST_USER_MSG, AUDIT_REPLACE } from '../../src/audit/constants.ts';
import { openAuditControl } from '../../src/audit/control/control.ts';
import { AuditSession } from '../../src/audit/control/session.ts';
import { AuditStream, BATCH } from '../../src/audit/stream.ts';
import { nativeArchitectures } from '../../src/audit/syscalls.ts';
import { replayRows } from '../replay-rows.ts';
import { type Scenario, scenarios } from './scenarios.ts';

/** Milliseconds for the last records of a scenario to arrive. */
const SETTLE_MS = 300;
/** Always the same, because recorded paths are compared; it must not be there yet. */
const SCRATCH = '/tmp/osquery-audit-record';
/** In it, whose files are watched. */
const WATCHED = `${SCRATCH}/watched`;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { to: { type: 'string', default: fileURLToPath(new URL('../../fixtures', import.meta.url)) } },
});
const only = new Set(positionals);

const lines: string[] = [];
const control = openAuditControl();
const session = await AuditSession.open(control, nativeArchitectures(process.arch), {
  mode: 'unicast',
  allowConfig: true,
  forceReconfigure: false,
  forceUnconfigure: false,
  backlogLimit: 65_536,
  backlogWaitTime: 0,
  selection: {
    processEvents: true,
    forkProcessEvents: true,
    killProcessEvents: true,
    sockets: true,
    acceptSocketEvents: true,
    failedSocketEvents: true,
    nullAcceptSocketEvents: true,
    datagrams: true,
    watches: [{ kind: 'directory', path: WATCHED }],
  },
});
const stream = AuditStream.open('unicast', 32 * 1024 * 1024);
const receive = (): void => {
  let received: number;
  do {
    received = stream.receive((type, bytes, start, end) => {
      if (type < AUDIT_FIRST_USER_MSG || type === AUDIT_REPLACE) return;
      lines.push(`${type} ${bytes.toString('latin1', start, end)}`);
    });
  } while (received === BATCH);
};

mkdirSync(WATCHED, { recursive: true });
chmodSync(SCRATCH, 0o755);
const timer = setInterval(receive, 10);
try {
  await session.prepare();
  stream.own(process.pid);
  await session.enable();
  for (const scenario of scenarios(SCRATCH, makeFile, WATCHED)) {
    if (only.size > 0 && !only.has(scenario.name)) continue;
    if (!isThere(scenario.needs)) {
      process.stdout.write(`${scenario.name}: left as it is, there is no ${scenario.needs}\n`);
      continue;
    }
    await record(scenario);
  }
} finally {
  clearInterval(timer);
  await session.restore();
  stream.close();
  control.close();
  rmSync(SCRATCH, { recursive: true });
}

function makeFile(path: string, content: () => Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content());
  chmodSync(path, 0o755);
}

async function record(scenario: Scenario): Promise<void> {
  await sleep(SETTLE_MS);
  lines.length = 0;
  const cwd = `${SCRATCH}/${scenario.cwd ?? '.'}`;
  mkdirSync(cwd, { recursive: true });
  const [path, ...args] = scenario.command;
  const child = spawn(path, args, {
    cwd,
    stdio: 'ignore',
    env: { PATH: '/usr/bin:/bin' },
    ...(scenario.uid === undefined ? {} : { uid: scenario.uid, gid: scenario.uid }),
  });
  const [status] = await once(child, 'exit');
  await sleep(SETTLE_MS);
  const recorded = eventsOf(child.pid!, lines, scenario.programs);
  const log = `# ${scenario.about}\n${recorded.map(line => `${line}\n`).join('')}`;
  writeFileSync(`${flags.to}/${scenario.name}.log`, log, 'latin1');
  const rows = await replayRows(`${flags.to}/${scenario.name}.log`);
  writeFileSync(`${flags.to}/${scenario.name}.json`, `${JSON.stringify(rows, undefined, 1)}\n`);
  const counts = Object.entries(rows).map(([table, list]) => `${table} ${list.length}`);
  process.stdout.write(
    `${scenario.name}: status ${status}, ${recorded.length} records, ${counts.join(', ')}\n`,
  );
}

function isThere(program: string | undefined): boolean {
  return program === undefined || spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

/** The records of the events that a process and its descendants made; with names, of those that run these programs. */
function eventsOf(root: number, all: readonly string[], programs?: readonly string[]): string[] {
  const family = new Set([root]);
  const serials = new Set<string>();
  for (const line of all) {
    const pid = Number(/\bpid=(\d+)/.exec(line)?.[1]);
    const ppid = Number(/\bppid=(\d+)/.exec(line)?.[1]);
    if (family.has(ppid)) family.add(pid);
    const serial = /audit\([^)]*\)/.exec(line)?.[0];
    const isOf = programs === undefined ? family.has(pid) : programs.includes(commOf(line));
    if (serial !== undefined && isOf) serials.add(serial);
  }
  return all.filter(line => serials.has(/audit\([^)]*\)/.exec(line)?.[0] ?? ''));
}

function commOf(line: string): string {
  return / comm="([^"]*)"/.exec(line)?.[1] ?? '';
}

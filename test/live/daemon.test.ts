import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExtensionManagerClient } from 'osquery-extension-ts';
import { extensionSocketPath } from 'osquery-extension-ts/protocol';
import { ExtensionClient } from 'osquery-extension-ts/server';
import type { ExtensionUuid } from 'osquery-extension-ts/types';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AUDIT_ALWAYS } from '../../src/audit/constants.ts';
import { openAuditControl } from '../../src/audit/control/control.ts';
import { nativeArchitectures } from '../../src/audit/syscalls.ts';
import { builtExtension } from '../built-extension.ts';
import { DaemonProcess, resultLines } from '../prove/daemon-process.ts';
import { proveSchedule } from '../prove/prove.ts';
import { unless } from '../unless.ts';
import { type AuditState, auditIsFree, auditState, whyNotLive } from './kernel-audit.ts';

/*
 * The extension's one file, started by the embedded core as osqueryd starts it, on the kernel's own events.
 */

const BUILD_MS = 120_000;
const WAIT_MS = 90_000;
/** Longer than it takes to exchange all rules. */
const RULES_MS = 300;

let extension: string;
let directory: string;
let before: AuditState;
let joined: ChildProcess[] = [];

interface Ended {
  readonly status: number | null;
  readonly stderr: string;
}

/** The extension joined to a core by hand. */
const join_ = (socket: string, ...args: string[]): { process: ChildProcess; ended: Promise<Ended> } => {
  const child = spawn(extension, ['--socket', socket, '--timeout', '3', '--interval', '1', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  joined.push(child);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text;
  });
  return { process: child, ended: once(child, 'close').then(([status]) => ({ status, stderr })) };
};

const files = (): string[] => readdirSync(join(directory, 'run')).sort();

/** A core that starts nothing, with its socket in a place we know. */
const coreAlone = async (interval = 1): Promise<{ core: DaemonProcess; socket: string }> => {
  mkdirSync(join(directory, 'run'));
  const socket = join(directory, 'run', 'core.em');
  const list = join(directory, 'none.load');
  writeFileSync(list, '');
  const core = new DaemonProcess({
    directory,
    every: 1,
    flags: [
      `--extensions_autoload=${list}`,
      `--extensions_socket=${socket}`,
      `--extensions_interval=${interval}`,
    ],
  });
  await core.until(() => core.stderr.includes('Schedule of'), 'the schedule to begin');
  return { core, socket };
};

/** Waits until core knows an extension that answers; resolves with its uuid. */
const registered = async (socket: string): Promise<ExtensionUuid> => {
  await using client = new ExtensionManagerClient({ socketPath: socket });
  for (;;) {
    const [uuid] = [...(await client.extensions()).keys()];
    if (uuid !== undefined && (await answers(extensionSocketPath(socket, uuid)))) return uuid;
    await sleep(20);
  }
};

/** An extension's socket is there before it listens. */
const answers = async (socketPath: string): Promise<boolean> => {
  await using client = new ExtensionClient({ socketPath });
  try {
    await client.ping();
    return true;
  } catch {
    return false;
  }
};

const untilAudit = async (isSo: (state: AuditState) => boolean): Promise<AuditState> => {
  for (;;) {
    const state = await auditState();
    if (isSo(state)) return state;
    await sleep(20);
  }
};

/** Whether a rule asks for connects. struct audit_rule_data: list, action, number of fields, then a bit for each system call. */
const areConnectsAudited = async (): Promise<boolean> => {
  const control = openAuditControl();
  try {
    const connect = nativeArchitectures(process.arch)[0]!.numberOf('connect')!;
    return (await control.listRules()).some(bytes => {
      const rule = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const isAlways = rule.readUInt32LE(4) === AUDIT_ALWAYS;
      return isAlways && (rule.readUInt32LE(12 + 4 * (connect >>> 5)) & (1 << (connect & 31))) !== 0;
    });
  } finally {
    control.close();
  }
};
/** Waits until it is so, and no rule has changed for longer than all of them take. @returns the number of rules */
const untilConnectsAudited = async (are: boolean): Promise<number> => {
  for (let count = -1, since = 0; ; await sleep(20)) {
    const { rules } = await auditState();
    if (rules !== count || (await areConnectsAudited()) !== are) since = performance.now();
    count = rules;
    if (rules > before.rules && performance.now() - since > RULES_MS) return rules;
  }
};

describe('the extension file in a daemon', unless(whyNotLive), () => {
  beforeAll(async () => {
    extension = await builtExtension();
  }, BUILD_MS);
  beforeEach(async () => {
    await auditIsFree();
    before = await auditState();
    directory = mkdtempSync(join(tmpdir(), 'live-daemon-'));
  }, WAIT_MS);
  afterEach(async () => {
    for (const child of joined) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'close');
    }
    joined = [];
    rmSync(directory, { recursive: true, force: true });
    expect(await auditState()).toEqual(before);
  });

  test('logs each execution once, across a kill of the extension and a restart of core', async () => {
    const proof = await proveSchedule({
      execs: 300,
      seconds: 6,
      every: 1,
      extension,
      // The last bridge waits for nobody.
      flags: ['--custom_audit_bridge_ms=4000'],
    });
    expect(proof).toMatchObject({
      executed: 300,
      moreThanOnce: [],
      repeatedRows: 0,
      unknown: [],
      unexplained: [],
      auditAsFound: true,
      exits: [0, 0],
    });
    expect(proof.once + proof.missing).toBe(300);
    // What ran while nobody was there to read it waited in the kernel; memory is lost by a kill only.
    expect(proof.breaks).toMatchObject([
      { name: 'kill -9 of the extension', unheard: 0 },
      { name: 'restart of core', inMemory: 0, unheard: 0 },
    ]);
    expect(proof.once).toBeGreaterThan(250);
  }, 120_000);

  test("is started with core's arguments and in its environment, and follows core's configuration", async () => {
    const schedule = join(directory, 'osquery.conf');
    const configure = (options: object): void =>
      writeFileSync(
        schedule,
        JSON.stringify({
          options,
          schedule: { all: { query: 'SELECT cmdline FROM process_events', interval: 60, removed: false } },
        }),
      );
    configure({ audit_allow_sockets: false });
    await using daemon = new DaemonProcess({
      directory,
      every: 1,
      extension,
      schedule: [schedule],
      flags: ['--config_refresh=1', '--extensions_interval=1'],
    });
    await daemon.moreRuns('all', 1);
    const pid = daemon.extensionPid()!;
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    expect(words[0] === extension || words[0]?.startsWith('osquery-audit')).toBe(true);
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')).toContain(
      `OSQUERY_EXTENSION=${daemon.process.pid}`,
    );
    // The options of the configuration come after the start, and change the rules that osquery.flags asks for.
    const fewer = await untilConnectsAudited(false);
    configure({ audit_allow_sockets: true });
    expect(await untilConnectsAudited(true)).toBeGreaterThan(fewer);
    configure({ audit_allow_sockets: false });
    expect(await untilConnectsAudited(false)).toBe(fewer);

    const marker = `configured-${process.pid}`;
    execFileSync('/bin/true', [marker]);
    const found = () =>
      resultLines(directory).filter(({ columns }) => columns.cmdline === `/bin/true ${marker}`);
    await daemon.until(() => found().length > 0, 'the row of an execution');
    await daemon.moreRuns('all', 2);
    expect(found()).toHaveLength(1);
    expect(await daemon.terminate()).toBe(0);
    // The one who changes its configuration, or stops it, is no reason to warn.
    expect(daemon.stderr).not.toMatch(/^[WE] /m);
  }, 60_000);

  test.each(['SIGTERM', 'SIGINT', 'shutdown'] as const)(
    'on %s leaves core, its socket and audit, with status 0',
    async how => {
      const { core, socket } = await coreAlone();
      await using _ = core;
      const { process: child, ended } = join_(socket);
      const uuid = await registered(socket);
      expect((await auditState()).status.pid).toBe(child.pid);
      if (how === 'shutdown') {
        await using client = new ExtensionClient({ socketPath: extensionSocketPath(socket, uuid) });
        await client.shutdown();
      } else {
        child.kill(how);
      }
      expect(await ended).toEqual({ status: 0, stderr: '' });
      expect(files()).toEqual(['core.em']);
      await using client = new ExtensionManagerClient({ socketPath: socket });
      expect((await client.extensions()).size).toBe(0);
      expect(await auditState()).toEqual(before);
    },
    60_000,
  );

  test('notices that core was killed, and ends with a status other than 0, nothing left', async () => {
    const { core, socket } = await coreAlone();
    const { ended } = join_(socket);
    await registered(socket);
    core.process.kill('SIGKILL');
    const { status, stderr } = await ended;
    expect(status).toBe(1);
    expect(stderr).toMatch(/^osquery-audit-events: osquery is gone .*; ending\n$/);
    // Core's own socket is core's to clear away.
    expect(files()).toEqual(['core.em']);
    expect(await auditState()).toEqual(before);
  }, 60_000);

  test('registers again after it was killed, while core still has the one before', async () => {
    const { core, socket } = await coreAlone(3);
    await using _ = core;
    const first = join_(socket);
    const old = await registered(socket);
    first.process.kill('SIGKILL');
    await first.ended;
    // Core refuses its name until it has looked at the first one again.
    const second = join_(socket, '--interval', '3');
    const pid = second.process.pid;
    await untilAudit(({ status }) => status.pid === pid && status.enabled === 1);
    await using client = new ExtensionManagerClient({ socketPath: socket });
    const has = async (): Promise<ExtensionUuid[]> => [...(await client.extensions()).keys()];
    while ((await has()).every(uuid => uuid === old)) await sleep(20);
    expect(await has()).toHaveLength(1);
    second.process.kill('SIGTERM');
    expect((await second.ended).status).toBe(0);
    // As it was before the first one, which could not put it back.
    expect(await auditState()).toEqual(before);
  }, 60_000);

  test('a second instance says who owns the audit socket, and ends', async () => {
    const { core, socket } = await coreAlone();
    await using _ = core;
    const first = join_(socket);
    await registered(socket);
    const { status, stderr } = await join_(socket).ended;
    expect(status).toBe(1);
    expect(stderr).toBe(
      `osquery-audit-events: the audit socket belongs to pid ${first.process.pid}, another osquery-audit-events: only one can read it; stop that one first\n`,
    );
    expect((await auditState()).status.pid).toBe(first.process.pid);
    first.process.kill('SIGTERM');
    expect((await first.ended).status).toBe(0);
  }, 60_000);
});

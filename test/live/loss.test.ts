import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { AuditStatusChange } from '../../src/audit/control/status.ts';
import type { Load } from '../bench/load.ts';
import { unless } from '../unless.ts';
import { leavingAuditAsFound } from './audit-as-found.ts';
import { AuditedConnects, RECORDS_PER_CONNECT } from './audited-connects.ts';
import { whyNotLive } from './kernel-audit.ts';
import { SupervisedExtension } from './supervised-extension.ts';

const CONNECTS = 20_000;
const RECORDS = RECORDS_PER_CONNECT * CONNECTS;
/** Far from enough for a burst. */
const SMALL_BACKLOG = 64;
const LARGE_BACKLOG = 100_000;
const SMALL_BUFFER = String(64 * 1024);
/** Milliseconds after which an event without its end is ended: nobody waits for it longer than for the counters. */
const INCOMPLETE_MS = 200;
/** Milliseconds without a change after which nothing more comes: longer than the kernel and incomplete events take. */
const SETTLED_MS = 600;
const LOOK_MS = 50;
/** Longer than the kernel counts towards one rate. */
const SECOND_MS = 1_100;
/** Longer than the kernel tries to deliver a record before it puts the next ones back. */
const STOPPED_MS = 1_000;

type Counts = Readonly<Record<string, number>>;

/** What changes as long as something comes. */
const COMING = [
  'backlog',
  'records',
  'events',
  'unusable_events',
  'incomplete_events',
  'kernel_lost',
  'serial_gaps',
];

describe('every loss is counted', unless(whyNotLive), () => {
  const live = leavingAuditAsFound();
  let audited: AuditedConnects;
  let extension: SupervisedExtension;
  let told: Counts;

  /**
   * @param more connects of a second load, for when the first is over
   * @returns the loads: what comes from now on is theirs alone
   */
  const start = async (
    kernel: AuditStatusChange,
    options: Readonly<Record<string, string>>,
    more = 1,
  ): Promise<readonly [load: Load, second: Load]> => {
    audited = live.stack.use(await AuditedConnects.start(kernel));
    extension = live.stack.use(
      await SupervisedExtension.start({
        audit_allow_config: 'false',
        audit_allow_process_events: 'false',
        audit_allow_sockets: 'true',
        audit_allow_user_events: 'false',
        events_max: '100000',
        custom_audit_state_dir: 'none',
        custom_audit_incomplete_ms: String(INCOMPLETE_MS),
        ...options,
      }),
    );
    const loads = [
      live.stack.use(await audited.prepare(CONNECTS)),
      live.stack.use(await audited.prepare(more)),
    ] as const;
    // Each change of rules is a record, too.
    told = await settled();
    return loads;
  };

  const counts = async (): Promise<Counts> =>
    Object.fromEntries(Object.entries(await extension.status()).map(([name, text]) => [name, Number(text)]));

  /** The counters, when all that will come has come. */
  const settled = async (): Promise<Counts> => {
    let last = await counts();
    for (let since = performance.now(); performance.now() - since < SETTLED_MS; ) {
      await sleep(LOOK_MS);
      const now = await counts();
      if (COMING.some(name => now[name] !== last[name])) since = performance.now();
      last = now;
    }
    return last;
  };

  /** How much they have grown since the start. */
  const grown = async (): Promise<Counts> => {
    const now = await settled();
    return Object.fromEntries(Object.keys(now).map(name => [name, now[name]! - told[name]!]));
  };

  const rowsOf = async (pid: number): Promise<number> => {
    const list = [{ op: 2, expr: String(pid) }];
    const context = { constraints: [{ name: 'pid', list, affinity: 'BIGINT' }], colsUsed: ['pid'] };
    return (await extension.core.generate('socket_events', context)).length;
  };

  const stopped = async (work: () => Promise<unknown>): Promise<void> => {
    process.kill(extension.pid, 'SIGSTOP');
    try {
      await work();
    } finally {
      process.kill(extension.pid, 'SIGCONT');
    }
  };

  /** Of an event whose records are lost one by one no more than its end may be left: that is all that is not known of it. */
  const expectEvents = (counted: Counts, rows: number): void => {
    expect(counted.serial_gaps).toBeGreaterThan(0);
    const known = rows + counted.unusable_events! + counted.serial_gaps!;
    expect(known).toBeLessThanOrEqual(CONNECTS);
    expect(known).toBeGreaterThan(0.99 * CONNECTS);
  };

  /**
   * The kernel drops records one by one, and with a SYSCALL all that would follow: that counts as one, and its event as not
   * begun. So all records that there would have been are accounted for, and all events.
   */
  const expectLaw = (counted: Counts, rows: number): void => {
    const neverBegun = (RECORDS - counted.records! - counted.kernel_lost!) / (RECORDS_PER_CONNECT - 1);
    expect(neverBegun).toBeGreaterThan(0);
    expect(rows + counted.unusable_events! + neverBegun).toBe(CONNECTS);
  };

  test('a backlog that is too small', async () => {
    const [load] = await start({ backlogLimit: SMALL_BACKLOG }, {});
    await load.run();
    const counted = await grown();
    expect(counted.kernel_lost).toBeGreaterThan(0);
    expectLaw(counted, await rowsOf(load.pid));
  });

  test('a receive buffer that is too small', async () => {
    const [load] = await start(
      { backlogLimit: SMALL_BACKLOG },
      { custom_audit_receive_buffer_bytes: SMALL_BUFFER },
    );
    await load.run();
    const counted = await grown();
    expect(counted.kernel_lost).toBeGreaterThan(0);
    expectLaw(counted, await rowsOf(load.pid));
  });

  test('a reader that is stopped, and comes back', async () => {
    const [load, second] = await start(
      { backlogLimit: SMALL_BACKLOG },
      { custom_audit_receive_buffer_bytes: SMALL_BUFFER },
      10,
    );
    await stopped(async () => {
      await load.run();
      await sleep(STOPPED_MS);
    });
    await settled();
    await second.run();
    const counted = await grown();
    expect(await rowsOf(second.pid)).toBe(10);
    expect(counted.kernel_lost).toBeGreaterThan(CONNECTS / 2);
    // Where it was not booted with audit=1, the kernel drops what it has tried to deliver five times, and does not count it.
    // Such records have a serial: the events are missing whole, but for one at each end.
    const due = RECORDS + 10 * RECORDS_PER_CONNECT - counted.records! - counted.kernel_lost!;
    const gone = counted.serial_gaps! + counted.unusable_events!;
    const neverBegun = (due - RECORDS_PER_CONNECT * gone) / (RECORDS_PER_CONNECT - 1);
    const known = (await rowsOf(load.pid)) + gone + neverBegun;
    expect(Math.abs(known - CONNECTS)).toBeLessThan(2 * RECORDS_PER_CONNECT);
  });

  test('a rate limit: every record is counted, and the events that are missing whole', async () => {
    const [load, second] = await start({ backlogLimit: LARGE_BACKLOG, rateLimit: 1_000 }, {});
    await load.run();
    // What is missing at the end shows in the serial of the next one, in another second.
    await settled();
    await sleep(SECOND_MS);
    await second.run();
    const counted = await grown();
    expect(await rowsOf(second.pid)).toBe(1);
    expect(counted.records! + counted.kernel_lost!).toBe(RECORDS + RECORDS_PER_CONNECT);
    expectEvents(counted, await rowsOf(load.pid));
  });

  test('the multicast copy: every record that found the buffer full', async () => {
    const neighbour = spawn(process.execPath, [
      '--conditions=source',
      new URL('./own-stream.ts', import.meta.url).pathname,
    ]);
    live.stack.defer(() => ended(neighbour));
    await once(neighbour.stdout, 'data');
    const [load, second] = await start(
      { backlogLimit: LARGE_BACKLOG },
      { custom_audit_receive_buffer_bytes: SMALL_BUFFER },
    );
    expect(await extension.status()).toMatchObject({ mode: 'multicast', owner_pid: String(neighbour.pid) });
    await stopped(() => load.run());
    await settled();
    await second.run();
    const counted = await grown();
    expect(await rowsOf(second.pid)).toBe(1);
    expect(counted.kernel_lost).toBe(0);
    expect(counted.socket_overruns).toBeGreaterThan(0);
    expect(counted.records! + counted.multicast_dropped!).toBe(RECORDS + RECORDS_PER_CONNECT);
    expectEvents(counted, await rowsOf(load.pid));
  });

  test('a buffer of rows that is too small', async () => {
    const [load] = await start({ backlogLimit: LARGE_BACKLOG }, { events_max: '100' });
    await load.run();
    const counted = await grown();
    expect(counted).toMatchObject({ kernel_lost: 0, records: RECORDS, rows_buffered: 100 });
    expect(counted.socket_events_evicted_unread).toBe(CONNECTS - 100);
    expect(await rowsOf(load.pid)).toBe(100);
  });
});

const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
};

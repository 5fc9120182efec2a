import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditControl, openAuditControl } from '../../src/audit/control/control.ts';
import { auditState } from '../live/kernel-audit.ts';
import { type Account, account, type Break } from './account.ts';
import { DaemonProcess, type ResultLine, resultLines } from './daemon-process.ts';
import { ExecLoad } from './exec-load.ts';

/** The query of our packs that returns every execution. */
const EXECUTIONS = 'pack_process_events_executions';
const LOSSES =
  'SELECT kernel_lost, socket_overruns, serial_gaps, malformed_records, incomplete_events, process_events_evicted_unread FROM audit_status';
const POLL_MS = 10;
const PATIENCE_MS = 30_000;
/** From an execution to its row, on a busy machine, with room. */
const LATENCY_MS = 250;

export interface ProofOptions {
  readonly execs: number;
  /** Time over which they are run. */
  readonly seconds: number;
  /** Seconds between two runs of each query. */
  readonly every: number;
  /** The built extension; without it the sources are the extension. */
  readonly extension?: string | undefined;
  /** Further flags of core. */
  readonly flags?: readonly string[];
}

export interface Proof extends Account {
  /** Rows that a query logged more than once, over all queries. */
  readonly repeatedRows: number;
  /** Exit statuses of the daemon, in their order. */
  readonly exits: readonly (number | null)[];
  readonly auditAsFound: boolean;
  /** What each of the three extensions counted as lost, shortly before its end. */
  readonly losses: readonly Readonly<Record<string, string>>[];
  readonly stderr: string;
}

/**
 * Runs programs while a daemon logs them, kills the extension's process in the first third and restarts core in the
 * second, and compares the log with what was run.
 */
export const proveSchedule = async (options: ProofOptions): Promise<Proof> => {
  const directory = mkdtempSync(join(tmpdir(), 'prove-'));
  const control = openAuditControl();
  const before = await auditState();
  const breaks: Break[] = [];
  const daemons: DaemonProcess[] = [];
  const losses: Readonly<Record<string, string>>[] = [];
  const start = (): DaemonProcess => {
    const daemon = new DaemonProcess({
      directory,
      every: options.every,
      extension: options.extension,
      flags: ['--custom_audit_bridge_stop=true', ...(options.flags ?? [])],
    });
    daemons.push(daemon);
    return daemon;
  };
  /** The last run before a moment whose results are in the log. */
  const lastQuery = (daemon: DaemonProcess, before: number): number =>
    daemon.runs(EXECUTIONS).findLast(({ at, failed }) => at < before && !failed)?.at ?? 0;

  try {
    let daemon = start();
    await listening(control, undefined);
    await daemon.moreRuns(EXECUTIONS, 1);
    const load = new ExecLoad(`proof-${process.pid}-${Date.now()}-`, options.execs, options.seconds);
    const running = load.run();
    running.catch(() => {});

    await after(load, options.execs / 3);
    const pid = daemon.extensionPid();
    if (pid === undefined) throw new Error('expected the daemon to have a child process, its extension');
    losses.push(...(await daemon.query(LOSSES)));
    const killed = Date.now();
    process.kill(pid, 'SIGKILL');
    const heard = await listening(control, pid);
    await daemon.until(
      () => daemon.runs(EXECUTIONS).some(({ at, failed }) => at > heard && !failed),
      'a query after the kill',
    );
    await daemon.moreRuns(EXECUTIONS, 0);
    breaks.push({
      name: 'kill -9 of the extension',
      lastQuery: lastQuery(daemon, killed),
      deaf: killed,
      listening: heard,
    });

    await after(load, (2 * options.execs) / 3);
    losses.push(...(await daemon.query(LOSSES)));
    const asked = Date.now();
    const last = daemon.extensionPid();
    await daemon.terminate();
    daemon = start();
    const again = await listening(control, last);
    breaks.push({
      name: 'restart of core',
      lastQuery: lastQuery(daemons[0]!, asked),
      deaf: asked,
      listening: again,
    });
    await running;
    await sleep(LATENCY_MS);
    await daemon.moreRuns(EXECUTIONS, 2);
    losses.push(...(await daemon.query(LOSSES)));
    await daemon.terminate();
    const asFound = async (): Promise<boolean> =>
      JSON.stringify(await auditState()) === JSON.stringify(before);
    // The bridge waits for one more start.
    await until(asFound, 'audit as it was found').catch(() => {});

    const lines = resultLines(directory);
    const logged = lines
      .filter(({ name, action }) => name === EXECUTIONS && action === 'added')
      .map(({ columns }) => load.numberIn(columns.cmdline))
      .filter(number => number !== undefined);
    return {
      ...account(load.executions, logged, breaks, LATENCY_MS),
      repeatedRows: repeated(lines, load),
      exits: daemons.map(({ process }) => process.exitCode),
      auditAsFound: await asFound(),
      losses,
      stderr: daemons.map(({ stderr }) => stderr).join('\n'),
    };
  } finally {
    for (const daemon of daemons) await daemon[Symbol.asyncDispose]();
    control.close();
    rmSync(directory, { recursive: true, force: true });
  }
};

/** Rows of this run that the same query has logged before. */
const repeated = (lines: readonly ResultLine[], load: ExecLoad): number => {
  const keys = lines
    .filter(({ columns }) => load.numberIn(columns.cmdline) !== undefined)
    .map(({ name, columns }) => `${name} ${columns.cmdline}`);
  return keys.length - new Set(keys).size;
};

/** Resolves with the time when somebody other than `not` is found to have the stream, and audit is on. */
const listening = (control: AuditControl, not: number | undefined): Promise<number> =>
  until(async () => {
    const { pid, enabled } = await control.getStatus();
    return pid !== 0 && pid !== not && enabled === 1;
  }, 'a reader of the audit stream');

const until = async (isSo: () => Promise<boolean>, what: string): Promise<number> => {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`expected ${what}, in ${PATIENCE_MS} ms`);
    await sleep(POLL_MS);
  }
  return Date.now();
};

const after = async (load: ExecLoad, count: number): Promise<void> => {
  while (load.executions.length < count) await sleep(POLL_MS);
};

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openAuditControl } from '../../../src/audit/control/control.ts';
import { ownRule } from '../../../src/audit/control/rules.ts';
import { auditIsFree, auditState } from '../../live/kernel-audit.ts';
import { Installation } from './installation.ts';
import type { OsqueryPrograms } from './osquery-programs.ts';
import { type RecordedEvents, recordEvents } from './recorded-events.ts';
import { StockDaemon, type StockDaemonOptions } from './stock-daemon.ts';

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));
/** For what a core leaves behind to be put back. */
const RESTORE_MS = 60_000;
const LOOK_MS = 100;

/** Builds the extension as `npm run build:ext` does. */
export const buildExtension = async (directory: string): Promise<string> => {
  const output = join(directory, 'osquery-audit-events.ext');
  await promisify(execFile)('npm', ['run', '-s', 'build:ext', '--', '--output', output], { cwd: PROJECT });
  return output;
};

export interface Check {
  readonly what: string;
  readonly isSo: boolean;
  readonly saw: string;
}

/** What a scenario plays on: a directory, cores that end with it, and a record of what was seen. */
export class Stage implements AsyncDisposable {
  readonly osquery: OsqueryPrograms;
  /** The built extension. */
  readonly extension: string;
  readonly directory = mkdtempSync(join(tmpdir(), 'stock-'));
  readonly checks: Check[] = [];
  readonly #say: (line: string) => void;
  readonly #daemons: StockDaemon[] = [];

  /** @param say where what is seen goes, line by line */
  constructor(osquery: OsqueryPrograms, extension: string, say: (line: string) => void) {
    this.osquery = osquery;
    this.extension = extension;
    this.#say = say;
  }

  say(line: string): void {
    this.#say(line);
  }

  /** Notes whether something is as it should be. */
  check(what: string, isSo: boolean, saw: string | number): void {
    this.checks.push({ what, isSo, saw: String(saw) });
    this.#say(`${isSo ? 'ok     ' : 'FAILED '} ${what}: ${saw}`);
  }

  /** Notes whether a number is the expected one. */
  equal(what: string, saw: number, expected: number): void {
    this.check(what, saw === expected, saw === expected ? saw : `${saw}, expected ${expected}`);
  }

  /** An installation whose extension answers from recorded events. */
  installRecorded(events: RecordedEvents, configuration: object): Installation {
    const log = join(this.directory, 'recorded.log');
    recordEvents(log, events);
    const { directory: root, extension } = this;
    return new Installation({ root, extension, arguments: ['--replay', log], configuration });
  }

  start(
    installation: Installation,
    flags: readonly string[] = [],
    options: StockDaemonOptions = {},
  ): StockDaemon {
    const daemon = new StockDaemon(this.osquery.osqueryd, installation, flags, options);
    this.#daemons.push(daemon);
    return daemon;
  }

  /** Notes the longest time for which a core started no query, and that its extension was never waited for in vain. */
  checkSchedule(daemon: StockDaemon, limitMs: number): void {
    const pause = daemon.longestPause;
    this.check(
      `no query of the host ran for at most ${(limitMs / 1000).toFixed(1)} s`,
      pause <= limitMs,
      `${(pause / 1000).toFixed(1)} s`,
    );
    const failed = daemon.complaints.filter(line =>
      /no reply|no such table|Error executing scheduled query|Extension socket not available/.test(line),
    );
    this.check('no query failed', failed.length === 0, failed[0] ?? 'none');
  }

  /** Milliseconds for which one of the cores started no query, up to now or its end. */
  get longestPause(): number {
    return Math.max(0, ...this.#daemons.map(daemon => daemon.longestPause));
  }

  get hasFailed(): boolean {
    return this.checks.length === 0 || this.checks.some(({ isSo }) => !isSo);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) await daemon[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Waits for what another instance that was killed has left to be put back. */
const withoutOurRules = async (): Promise<void> => {
  const control = openAuditControl();
  try {
    const deadline = performance.now() + RESTORE_MS;
    while (
      (await control.listRules()).some(rule => ownRule(rule) !== undefined) &&
      performance.now() < deadline
    )
      await sleep(LOOK_MS);
  } finally {
    control.close();
  }
};

/** Runs something while nobody else has audit, and notes whether it is as it was found. */
export const onLiveAudit = async (stage: Stage, run: () => Promise<void>): Promise<void> => {
  await auditIsFree();
  await withoutOurRules();
  const before = await auditState();
  await run();
  const deadline = performance.now() + RESTORE_MS;
  let after = await auditState();
  while (JSON.stringify(after) !== JSON.stringify(before) && performance.now() < deadline) {
    await sleep(LOOK_MS);
    after = await auditState();
  }
  const isSo = JSON.stringify(after) === JSON.stringify(before);
  stage.check('audit is as it was found', isSo, isSo ? 'yes' : JSON.stringify({ before, after }));
};

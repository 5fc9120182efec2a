import { setTimeout as sleep } from 'node:timers/promises';
import { ExtensionManagerClient, isOsqueryError } from 'osquery-extension-ts';
import { messageOf } from '../../runtime/message-of.ts';
import { runProgram, type TestProgram } from './run-program.ts';
import type { SelfTestPlan, SelfTestResult } from './self-test-result.ts';

/** Milliseconds between questions. */
const POLL_MS = 25;

export interface TestOptions {
  /** Milliseconds to wait for the row. */
  readonly patienceMs: number;
  /** Ends the wait. */
  readonly signal: AbortSignal;
  readonly start?: () => Promise<TestProgram>;
}

/** Runs a program and asks the running osquery for its row until it is there. */
export const testThroughOsquery = async (
  { socketPath, table }: Extract<SelfTestPlan, { kind: 'osquery' }>,
  { patienceMs, signal, start = runProgram }: TestOptions,
): Promise<SelfTestResult> => {
  const way = { way: 'osquery', notRestored: [] } as const;
  try {
    await using client = new ExtensionManagerClient({ socketPath, timeoutMs: patienceMs });
    const program = await start();
    const { pid, cmdline, startedAt } = program;
    const sql = `SELECT pid FROM ${table} WHERE pid = ${pid} AND cmdline = '${cmdline}'`;
    for (;;) {
      const rows = await client.query(sql, { signal });
      const milliseconds = performance.now() - startedAt;
      const seen = { ...way, source: `${table} of the running osquery`, program: cmdline, pid, milliseconds };
      if (rows.length > 0) return { kind: 'seen', ...seen };
      if (milliseconds > patienceMs) return { kind: 'not-seen', ...seen };
      await sleep(POLL_MS, undefined, { signal });
    }
  } catch (error) {
    if (signal.aborted) return { kind: 'skipped', why: 'it was interrupted', fix: 'run the doctor again' };
    const by = isOsqueryError(error) ? 'osquery: ' : '';
    return { kind: 'failed', ...way, why: `${by}${messageOf(error)}` };
  }
};

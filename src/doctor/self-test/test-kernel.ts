import { decodeRows } from 'osquery-extension-ts/encoded';
import { readAuditSettings } from '../../flags/audit-settings.ts';
import { CUSTOM_PREFIX } from '../../flags/custom-options.ts';
import { openKernelSource } from '../../ingest/audit-source.ts';
import type { EventSource } from '../../ingest/event-source.ts';
import { messageOf } from '../../runtime/message-of.ts';
import { PROGRAM } from '../../runtime/program-name.ts';
import type { AuditFacts } from '../facts.ts';
import { runProgram } from './run-program.ts';
import type { SelfTestResult } from './self-test-result.ts';
import type { TestOptions } from './test-through-osquery.ts';

const TABLE = 'process_events';

/** Only what the test needs. In unicast mode, an earlier owner keeps the socket. */
const { settings } = readAuditSettings(
  new Map([
    ['audit_allow_config', 'true'],
    ['audit_allow_user_events', 'false'],
    [`${CUSTOM_PREFIX}mode`, 'unicast'],
  ]),
);

/**
 * Reads kernel audit until one program was seen. Afterwards it restores audit and checks that. Call it only while
 * nobody else has audit.
 */
export const testKernel = async (
  { patienceMs, signal, start = runProgram }: TestOptions,
  readAudit: () => Promise<AuditFacts>,
): Promise<SelfTestResult> => {
  const before = await readAudit();
  const title = process.title;
  // By this name an extension that starts now recognizes this process, and tries again later.
  process.title = PROGRAM;
  let result: SelfTestResult;
  try {
    result = await watch({ patienceMs, signal, start });
  } finally {
    process.title = title;
  }
  return result.kind === 'skipped'
    ? result
    : { ...result, notRestored: differences(before, await readAudit()) };
};

interface SeenRow {
  readonly cmdline: string | undefined;
  /** On the clock of performance.now(). */
  readonly at: number;
}

const watch = async ({ patienceMs, signal, start }: Required<TestOptions>): Promise<SelfTestResult> => {
  const rows: SeenRow[] = [];
  let arrived = Promise.withResolvers<void>();
  let broken: Error | undefined;
  let source: EventSource | undefined;
  try {
    source = await openKernelSource(settings, {
      onRows: batches => {
        const at = performance.now();
        for (const { table, batch } of batches) {
          if (table !== TABLE) continue;
          for (const row of decodeRows({ count: batch.ends.length, chunks: [batch.bytes] }))
            rows.push({ cmdline: row.cmdline, at });
        }
        arrived.resolve();
      },
      onProcesses: () => {},
      onRaw: () => {},
      onWarning: () => {},
      onFailed: error => {
        broken = error;
        arrived.resolve();
      },
    });
    const { pid, cmdline, startedAt } = await start();
    const end = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
    const ended = new Promise<void>(resolve => {
      if (end.aborted) resolve();
      end.addEventListener('abort', () => resolve(), { once: true });
    });
    for (;;) {
      const row = rows.find(candidate => candidate.cmdline === cmdline);
      const seen = { way: 'kernel', source: 'kernel audit', program: cmdline, pid, notRestored: [] } as const;
      if (row !== undefined) return { kind: 'seen', ...seen, milliseconds: row.at - startedAt };
      if (broken !== undefined) throw broken;
      if (signal.aborted) return { kind: 'skipped', why: 'it was interrupted', fix: 'run the doctor again' };
      if (end.aborted) return { kind: 'not-seen', ...seen, milliseconds: performance.now() - startedAt };
      rows.length = 0;
      arrived = Promise.withResolvers<void>();
      await Promise.race([arrived.promise, ended]);
    }
  } catch (error) {
    const why = messageOf(error);
    return { kind: 'failed', way: 'kernel', why, notRestored: [] };
  } finally {
    await source?.close();
  }
};

/** What differs in audit from before, one phrase each. Counters may differ. */
const differences = (before: AuditFacts, after: AuditFacts): readonly string[] => {
  if (before.kind !== 'read') return [];
  if (after.kind !== 'read') return [`audit cannot be read any more: ${after.why}`];
  const names = ['enabled', 'failure', 'rateLimit', 'backlogLimit', 'backlogWaitTime'] as const;
  const changed = names
    .filter(name => before.status[name] !== after.status[name])
    .map(name => `${name} is ${after.status[name]}, and was ${before.status[name]}`);
  if (after.status.pid === process.pid) changed.push('this process still has the audit socket');
  const text = ({ rules }: Extract<AuditFacts, { kind: 'read' }>): string =>
    rules.map(rule => Buffer.from(rule).toString('latin1')).join('\n');
  if (text(before) !== text(after)) changed.push('the rules have changed');
  return changed;
};

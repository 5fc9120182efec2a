import type { AuditEvent } from '../../src/audit/audit-event.ts';
import { createTrailCounters, formatProblem } from '../../src/openbsm/counters.ts';
import { printRecord, printToken } from '../../src/openbsm/praudit.ts';
import { readRecords } from '../../src/openbsm/read-records.ts';
import { readTrail } from '../../src/openbsm/read-trail.ts';
import { eventTablesOn } from '../../tables/index.ts';
import { replayRows } from '../replay-rows.ts';

/** What stands beside a fixture's trail: its events, what was counted, what was complained about. */
export const expectationText = async (trail: Uint8Array): Promise<string> => {
  const counters = createTrailCounters();
  const problems: string[] = [];
  const events: AuditEvent[] = [];
  const options = {
    onProblem: (problem: Parameters<typeof formatProblem>[0]) => problems.push(formatProblem(problem)),
  };
  for await (const event of readTrail([trail], counters, options)) events.push(event);
  // One event a line: a change shows as the lines it touches.
  const lines = (entries: readonly unknown[]): string =>
    entries.length === 0
      ? '[]'
      : `[\n${entries.map(entry => `    ${JSON.stringify(entry)}`).join(',\n')}\n  ]`;
  return `{\n  "counters": ${JSON.stringify(counters)},\n  "problems": ${lines(problems)},\n  "events": ${lines(events)}\n}\n`;
};

/** The trail as `praudit -r` prints it. */
export const printedText = async (trail: Uint8Array): Promise<string> => {
  let printed = '';
  for await (const item of readRecords([trail], createTrailCounters())) {
    printed += item.kind === 'record' ? printRecord(item) : printToken(item.token);
  }
  return printed;
};

/** The rows that a trail makes in the tables as they are on macOS, as JSON. */
export const rowsText = async (trail: URL): Promise<string> =>
  `${JSON.stringify(await replayRows(trail.pathname, eventTablesOn('darwin')), undefined, 1)}\n`;

import { processEvents } from '../../../tables/process_events.ts';
import { callLikeCore } from '../core-like-client.ts';
import { type Figure, median } from '../figure.ts';
import { RecordedLog } from '../recorded-log.ts';
import { chainedExecRecords, chainedPid } from '../records.ts';
import { startReplayedExecs } from '../replayed.ts';
import type { Scenario } from '../scenario.ts';
import { type SelectOptions, selectRequest } from '../select-request.ts';

const ROWS = 50_000;
const WARM_UP = 500;
const CALLS = 1_000;
/** So that no row lies near the one before. */
const STEP = 7_919;
const COLUMNS = ['pid', 'path', 'cmdline', 'time', 'eid'] as const;

const kinds: readonly {
  readonly name: string;
  readonly equal: (index: number, log: RecordedLog) => SelectOptions['equal'];
}[] = [
  { name: 'by pid', equal: index => ({ pid: String(chainedPid(index)) }) },
  { name: 'by parent', equal: index => ({ parent: String(chainedPid(index - 1)) }) },
  { name: 'by eid', equal: index => ({ eid: String(index + 1).padStart(10, '0') }) },
  { name: 'by audit_id', equal: (index, log) => ({ audit_id: chainedAuditId(index, log) }) },
  { name: 'by time', equal: (index, log) => ({ time: String(log.secondOf(index)) }) },
];

const chainedAuditId = (index: number, log: RecordedLog): string => {
  const [record] = chainedExecRecords(index, log.secondOf(index));
  return /\((.+?)\)/.exec(record!.payload)![1]!;
};

export const selectFew: Scenario = {
  name: 'select-few',
  title: 'one row of 50,000 process events, from the ping that core sends before to the last byte',
  needsAudit: false,
  run: async ({ program }) => {
    using log = new RecordedLog(ROWS, 1, chainedExecRecords);
    await using extension = await startReplayedExecs(program, log, ROWS);
    const { spec } = processEvents;
    const figures: Figure[] = [];
    for (const { name, equal } of kinds) {
      const requests = Array.from({ length: WARM_UP + CALLS }, (_, i) =>
        selectRequest(spec, { columns: COLUMNS, equal: equal((i * STEP) % ROWS, log) ?? {} }),
      );
      const { whole, ping, rows } = await callLikeCore(extension.socketPath, 'table', spec.name, requests);
      const timed = (times: Float64Array): number => median([...times.subarray(WARM_UP)]);
      figures.push(
        { name, value: timed(whole), unit: 'ms', goal: { atMost: 0.5 } },
        { name: '… of it the ping', value: timed(ping), unit: 'ms' },
        {
          name: '… calls without their one row',
          value: requests.length - rows,
          unit: '',
          goal: { atMost: 0 },
        },
      );
    }
    return figures;
  },
};

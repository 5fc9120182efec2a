import { readAuditSettings } from '../../../src/flags/audit-settings.ts';
import { EventPipeline } from '../../../src/ingest/event-pipeline.ts';
import { eventTables } from '../../../tables/index.ts';
import { processOptions, socketOptions } from '../audit-options.ts';
import type { Figure } from '../figure.ts';
import { connectRecords, execRecords, type RecordText } from '../records.ts';
import type { Scenario } from '../scenario.ts';

const EVENTS = 10_000;
/** Records between two looks at what there is, as one recvmmsg brings. */
const BATCH = 512;
const ROUNDS = 30;
const WARM_UP = 5;
const SECOND = 1_767_225_600;

const kinds = [
  { name: 'connect', options: socketOptions, records: connectRecords },
  { name: 'exec', options: processOptions, records: execRecords },
] as const;

/** CPU microseconds of this process, per event, from a record's bytes to rows that are ready to be sent. */
const costOf = (
  options: Readonly<Record<string, string>>,
  recordsOf: (index: number, second: number) => readonly RecordText[],
): number => {
  const pipeline = new EventPipeline({
    tables: eventTables,
    settings: readAuditSettings(new Map(Object.entries(options))).settings,
    context: { uptimeAt: seconds => seconds - SECOND, imageTimes: () => undefined },
    kindOfTask: () => 'process',
    now: () => performance.now(),
    countGaps: true,
  });
  const records = Array.from({ length: EVENTS }, (_, i) => recordsOf(i, SECOND)).flat();
  const bytes = Buffer.from(records.map(({ payload }) => payload).join(''), 'latin1');
  const types = Uint16Array.from(records, ({ type }) => type);
  let end = 0;
  const ends = Uint32Array.from(records, ({ payload }) => {
    end += payload.length;
    return end;
  });

  const rounds: number[] = [];
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < types.length; i++) {
      pipeline.push(types[i]!, bytes, i === 0 ? 0 : ends[i - 1]!, ends[i]!);
      if (i % BATCH === BATCH - 1) {
        pipeline.settle();
        pipeline.take();
      }
    }
    pipeline.settle();
    pipeline.take();
    const { user, system } = process.cpuUsage(before);
    if (round >= WARM_UP) rounds.push((user + system) / EVENTS);
  }
  const { published } = pipeline.counters();
  if (published !== EVENTS * (ROUNDS + WARM_UP)) throw new Error(`only ${published} events became rows`);
  // Whatever else the machine does only adds to it.
  return Math.min(...rounds);
};

export const pipeline: Scenario = {
  name: 'pipeline',
  title: "from a record's bytes to an encoded row, without kernel, threads and sockets",
  needsAudit: false,
  run: async () =>
    kinds.map(
      ({ name, options, records }): Figure => ({
        name: `CPU per ${name}`,
        value: costOf(options, records),
        unit: 'µs',
      }),
    ),
};

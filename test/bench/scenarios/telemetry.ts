import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processEvents } from '../../../tables/process_events.ts';
import { processTelemetryEvents } from '../../../tables/process_telemetry_events.ts';
import { processOptions } from '../audit-options.ts';
import { type EventLoad, measureEventCost, ROUNDS } from '../cpu-per-event.ts';
import { ExtensionUnderTest } from '../extension-under-test.ts';
import { type Figure, median } from '../figure.ts';
import { makeBinaries } from '../make-binaries.ts';
import type { Program } from '../program.ts';
import type { Scenario } from '../scenario.ts';
import { settledRows } from '../settle.ts';
import { auditStatusOf } from '../status.ts';

const BINARIES = 50;
const EXECS = 10_000;

export const telemetry: Scenario = {
  name: 'telemetry',
  title: `1,000 posix_spawn/s of ${BINARIES} different binaries for 10 s, with telemetry and without, three times in turn`,
  needsAudit: true,
  run: async ({ program }) => {
    const directory = mkdtempSync(join(tmpdir(), 'bench-binaries-'));
    try {
      const digests = makeBinaries(directory, BINARIES);
      const load: EventLoad = {
        kind: 'binaries',
        perSecond: 1_000,
        count: EXECS,
        // It takes this many until the compiler has nothing left to do.
        warmUp: 3 * EXECS,
        warmUpPerSecond: 2_000,
        args: [directory],
      };
      const withoutCosts: number[] = [];
      const withCosts: number[] = [];
      for (let i = 1; ; i++) {
        withoutCosts.push(await costWithout(program, load));
        await using extension = await ExtensionUnderTest.start(program, processOptions);
        const cost = await measureEventCost(extension, load, 1);
        withCosts.push(cost.microseconds);
        if (i === ROUNDS) return await figures(extension, cost.pid, digests, withoutCosts, withCosts);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
};

const costWithout = async (program: Program, load: EventLoad): Promise<number> => {
  await using extension = await ExtensionUnderTest.start(program, {
    ...processOptions,
    custom_audit_telemetry: 'false',
  });
  return (await measureEventCost(extension, load, 1)).microseconds;
};

const figures = async (
  extension: ExtensionUnderTest,
  pid: number,
  digests: ReadonlyMap<string, string>,
  withoutCosts: readonly number[],
  withCosts: readonly number[],
): Promise<readonly Figure[]> => {
  const equal = { parent_process_pid: String(pid) };
  const stored = await settledRows(extension, processTelemetryEvents.spec, equal, EXECS);
  const rows = await extension.rows(processTelemetryEvents.spec, {
    columns: ['process_path', 'process_sha256', 'parent_process_path', 'process_command_line'],
    equal,
  });
  const hashed = rows.filter(row => row.process_sha256 === digests.get(row.process_path!));
  const wrong = rows.filter(
    row => row.process_sha256 !== undefined && row.process_sha256 !== digests.get(row.process_path!),
  );
  const status = await auditStatusOf(extension);
  const events = await extension.count(processEvents.spec, { equal: { parent: String(pid) } });
  return [
    { name: 'rows of process_telemetry_events', value: stored, unit: 'rows', goal: { atLeast: EXECS } },
    { name: 'rows of process_events', value: events, unit: 'rows', goal: { atLeast: EXECS } },
    { name: 'rows with the right sha256', value: hashed.length, unit: 'rows', goal: { atLeast: EXECS } },
    { name: 'rows with a wrong sha256', value: wrong.length, unit: 'rows', goal: { atMost: 0 } },
    // Programs that others on the host start in the meantime are read as well.
    { name: `files read, ${BINARIES} of them the load's`, value: status.files_hashed!, unit: 'files' },
    {
      name: 'sources slow, failed, passed over',
      value: status.telemetry_slow! + status.telemetry_source_failures! + status.telemetry_skipped!,
      unit: '',
    },
    { name: 'sent out early', value: status.telemetry_overflowed!, unit: 'events', goal: { atMost: 0 } },
    { name: 'kernel lost', value: status.kernel_lost!, unit: 'records', goal: { atMost: 0 } },
    { name: 'CPU per event without telemetry', value: median(withoutCosts), unit: 'µs' },
    { name: 'CPU per event with telemetry', value: median(withCosts), unit: 'µs' },
    {
      name: 'with / without',
      value: median(withCosts.map((cost, i) => cost / withoutCosts[i]!)),
      unit: '×',
      goal: { atMost: 2 },
    },
  ];
};

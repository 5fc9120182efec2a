import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processTelemetryEvents } from '../../../tables/process_telemetry_events.ts';
import { processOptions } from '../audit-options.ts';
import { ExtensionUnderTest } from '../extension-under-test.ts';
import type { Figure } from '../figure.ts';
import { Load, type LoadKind } from '../load.ts';
import { makeBinaries } from '../make-binaries.ts';
import { otherRoot } from '../other-root.ts';
import type { Scenario } from '../scenario.ts';
import { settledRows } from '../settle.ts';
import { auditStatusOf } from '../status.ts';

const BINARIES = 50;
const PER_SECOND = 500;
const EXECS = 5_000;
/** Files begin to be told apart from those of the exec when they are older than it. */
const AGE_MS = 100;

/** Programs of a container, which have ended before anybody looks, and whose parents have, too. */
export const containerHashes: Scenario = {
  name: 'container-hashes',
  title: `${PER_SECOND} execs/s of ${BINARIES} different binaries in another mount namespace and root, for 10 s; parents that live, and that have ended`,
  needsAudit: true,
  run: async ({ program }) => {
    const scratch = mkdtempSync(join(tmpdir(), 'bench-container-'));
    try {
      mkdirSync(join(scratch, 'programs'));
      mkdirSync(join(scratch, 'root'));
      const digests = makeBinaries(join(scratch, 'programs'), BINARIES);
      await using extension = await ExtensionUnderTest.start(program, processOptions);
      const figures: Figure[] = [];
      // Until the compiler has nothing left to do.
      await measure(extension, 'binaries', scratch, digests);
      for (const kind of ['binaries', 'orphaned-binaries'] as const) {
        figures.push(...(await measure(extension, kind, scratch, digests)));
      }
      const status = await auditStatusOf(extension);
      return [
        ...figures,
        { name: 'sources too slow', value: status.telemetry_slow!, unit: '' },
        { name: 'kernel lost', value: status.kernel_lost!, unit: 'records' },
      ];
    } finally {
      rmSync(scratch, { recursive: true });
    }
  },
};

let roots = 0;

const measure = async (
  extension: ExtensionUnderTest,
  kind: LoadKind,
  scratch: string,
  digests: ReadonlyMap<string, string>,
): Promise<readonly Figure[]> => {
  const at = `/of-the-container-${++roots}`;
  const launcher = otherRoot(join(scratch, 'root'), join(scratch, 'programs'), at);
  await using load = await Load.prepareWithin(launcher, {
    kind,
    count: EXECS,
    perSecond: PER_SECOND,
    args: [at],
  });
  await sleep(AGE_MS);
  const ofLoad = { parent_process_pid: String(load.pid) };
  // The launcher had the load's pid before, and ran programs to make that root.
  const launched = await extension.count(processTelemetryEvents.spec, { equal: ofLoad });
  const before = extension.cpuSeconds;
  await load.run();
  await settledRows(extension, processTelemetryEvents.spec, ofLoad, launched + EXECS);
  const cost = ((extension.cpuSeconds - before) / EXECS) * 1e6;
  const all = await extension.rows(processTelemetryEvents.spec, {
    columns: ['process_path', 'process_sha256'],
    equal: {},
  });
  const rows = all.filter(({ process_path }) => process_path?.startsWith(`${at}/`));
  const digestOf = (path: string) => digests.get(join(scratch, 'programs', basename(path)));
  const right = rows.filter(row => row.process_sha256 === digestOf(row.process_path!)).length;
  const without = rows.filter(row => row.process_sha256 === undefined).length;
  return [
    { name: `${kind}: rows`, value: rows.length, unit: 'rows', goal: { atLeast: EXECS } },
    { name: `${kind}: right hashes`, value: (100 * right) / EXECS, unit: '%', goal: { atLeast: 100 } },
    {
      name: `${kind}: wrong hashes`,
      value: rows.length - right - without,
      unit: 'rows',
      goal: { atMost: 0 },
    },
    { name: `${kind}: CPU per exec`, value: cost, unit: 'µs' },
  ];
};

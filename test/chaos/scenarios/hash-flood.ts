import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { processTelemetryEvents } from '../../../tables/process_telemetry_events.ts';
import { processOptions } from '../../bench/audit-options.ts';
import { childrenOf, cpuSeconds, treeMemory } from '../../bench/process-usage.ts';
import type { Scenario } from '../../bench/scenario.ts';
import { selectRequest } from '../../bench/select-request.ts';
import { SupervisedExtension } from '../../live/supervised-extension.ts';
import { writeSmallestProgram } from '../smallest-program.ts';

const NOBODY = 65_534;
const SPARSE = 120;
/** As large as a file may be that is hashed. */
const SPARSE_BYTES = 64 * 1024 * 1024;
const OF_ROOT = 20;
/** Older than the exec, so that their times say what is in them. */
const SETTLE_MS = 200;
const MEASURED_S = 20;
/** Seconds of CPU that can be saved up, and what may be used for longer. */
const BURST_S = 2;
const PART = 0.25;
const START_S = 0.5;

const hashes = (pid: number): boolean =>
  readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('audit-look hashes');

export const hashFlood: Scenario = {
  name: 'hash-flood',
  title: `a user runs ${SPARSE} different programs of 64 MiB, all holes, while root runs ${OF_ROOT} new ones`,
  needsAudit: true,
  run: async ({ program }) => {
    const directory = mkdtempSync(join(tmpdir(), 'hash-flood-'));
    try {
      chmodSync(directory, 0o755);
      const make = (name: string, i: number): string => {
        const path = join(directory, `${name}-${i}`);
        writeSmallestProgram(path);
        appendFileSync(path, `${i}`);
        return path;
      };
      const sparse = Array.from({ length: SPARSE }, (_, i) => make('sparse', i));
      for (const path of sparse) truncateSync(path, SPARSE_BYTES);
      const ofRoot = Array.from({ length: OF_ROOT }, (_, i) => make('root', i));
      await sleep(SETTLE_MS);
      await using extension = await SupervisedExtension.start(
        {
          ...processOptions,
          custom_audit_state_dir: 'none',
          // This is about who gets a turn, not about a host that has no CPU to give.
          custom_audit_telemetry_budget_ms: '1000',
        },
        program,
      );
      const all = (): number =>
        [extension.pid, ...childrenOf(extension.pid)].reduce((sum, pid) => sum + cpuSeconds(pid), 0);
      const [before, began] = [all(), performance.now()];
      for (const path of sparse) {
        spawnSync(path, { uid: NOBODY, gid: NOBODY });
        // This process is core, too, which has to answer.
        await setImmediate();
      }
      for (const path of ofRoot) {
        spawnSync(path);
        await sleep(SETTLE_MS / 2);
      }
      await sleep(MEASURED_S * 1_000 - (performance.now() - began));
      const seconds = (performance.now() - began) / 1_000;
      const cpu = all() - before;
      const hashing = childrenOf(extension.pid).filter(hashes).map(cpuSeconds);
      const columns = ['process_path', 'process_sha256'];
      const { context } = selectRequest(processTelemetryEvents.spec, { columns });
      const rows = await extension.core.generate(processTelemetryEvents.spec.name, JSON.parse(context!));
      const right = rows.filter(
        row =>
          ofRoot.includes(row.process_path!) &&
          row.process_sha256 === createHash('sha256').update(readFileSync(row.process_path!)).digest('hex'),
      );
      const status = await extension.status();
      return [
        { name: 'processes that hash', value: hashing.length, unit: '', goal: { atLeast: 1 } },
        { name: "hashes of root's programs", value: right.length, unit: 'rows', goal: { atLeast: OF_ROOT } },
        {
          name: `CPU in ${MEASURED_S} s, of the process that hashes`,
          value: hashing.reduce((sum, used) => sum + used, 0),
          unit: 's',
          // Starting it is no hashing.
          goal: { atMost: BURST_S + PART * seconds + START_S },
        },
        { name: '… of all that the extension does', value: cpu, unit: 's' },
        { name: 'files hashed', value: Number(status.files_hashed), unit: 'files' },
        { name: 'files refused', value: Number(status.hashes_refused), unit: 'files' },
        {
          name: 'memory of all its processes, at the end',
          value: treeMemory(extension.pid),
          unit: 'MB',
          goal: { atMost: 200 },
        },
      ];
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
};

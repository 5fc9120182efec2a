import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { DaemonProcess } from '../../prove/daemon-process.ts';
import type { Figure } from '../figure.ts';
import { Load } from '../load.ts';
import { MemoryWatch } from '../memory-watch.ts';
import { childrenOf, cpuSeconds } from '../process-usage.ts';
import type { Scenario } from '../scenario.ts';

const RATES = [10, 100, 1_000];
const SECONDS = 30;
/** Seconds between two runs of the query. */
const EVERY = 10;
const HOSTS = 10_000;
const DAY = 86_400;
/** Milliseconds until all rows are in the log, on a machine that is busy. */
const LOGGED_MS = 120_000;
const QUERY = 'executions';

export const sizing: Scenario = {
  name: 'sizing',
  title: `10, 100 and 1,000 execs/s for ${SECONDS} s, with command lines of some 90 bytes: what a host logs through "daemon", by the query "${QUERY}" of our packs each ${EVERY} s, and what ${HOSTS.toLocaleString('en-US')} hosts send`,
  needsAudit: true,
  run: async ({ program, note }) => {
    const figures: Figure[] = [];
    for (const rate of RATES) {
      note(`sizing: ${rate}/s`);
      const extension = program.args.length === 0 ? program.file : undefined;
      figures.push(...figuresOf(rate, await measure(rate, extension)));
    }
    return figures;
  },
};

interface Measured {
  /** Bytes of one row in the log, and of all of them together compressed. */
  readonly rowBytes: number;
  readonly packedRowBytes: number;
  readonly rows: number;
  /** Execs per second, as they came. */
  readonly rate: number;
  /** CPU seconds per second of load. */
  readonly extensionCpu: number;
  readonly coreCpu: number;
  /** Of programs that are not the load's, per second: they cost CPU, too. */
  readonly otherEvents: number;
  /** MB. */
  readonly memory: number;
  readonly state: number;
}

const figuresOf = (rate: number, of: Measured): readonly Figure[] => {
  const logged = of.rowBytes * rate;
  const packed = of.packedRowBytes * rate;
  const fleet = logged * HOSTS;
  return [
    { name: `${rate} execs/s: rows logged`, value: of.rows, unit: 'rows', goal: { atLeast: rate * SECONDS } },
    { name: '… execs that came', value: of.rate, unit: '/s' },
    { name: '… result log', value: logged / 1e3, unit: 'kB/s' },
    { name: '… compressed (gzip)', value: packed / 1e3, unit: 'kB/s' },
    { name: '… events of other programs meanwhile', value: of.otherEvents, unit: '/s' },
    { name: '… CPU of the extension, of all events', value: of.extensionCpu * 100, unit: '% of one' },
    { name: '… CPU of the embedded core', value: of.coreCpu * 100, unit: '% of one' },
    { name: '… memory of the extension, with its helpers, at most', value: of.memory, unit: 'MB' },
    { name: '… rows on disk (state directory)', value: of.state, unit: 'MB' },
    { name: '… result log of a day', value: (logged * DAY) / 1e9, unit: 'GB' },
    { name: `… ${HOSTS} hosts send`, value: fleet / 1e6, unit: 'MB/s' },
    { name: '… compressed', value: (packed * HOSTS) / 1e6, unit: 'MB/s' },
    { name: '… in a day', value: (fleet * DAY) / 1e12, unit: 'TB' },
  ];
};

const measure = async (rate: number, extension: string | undefined): Promise<Measured> => {
  const directory = mkdtempSync(join(tmpdir(), 'sizing-'));
  const schedule = join(directory, 'schedule.json');
  const pack = fileURLToPath(new URL('../../../tables/packs/process_events.conf', import.meta.url));
  const { query } = JSON.parse(readFileSync(pack, 'utf8')).queries[QUERY];
  writeFileSync(schedule, JSON.stringify({ schedule: { [QUERY]: { query, interval: EVERY } } }));
  try {
    await using daemon = new DaemonProcess({ directory, every: EVERY, extension, schedule: [schedule] });
    await daemon.moreRuns(QUERY, 1);
    const pid = daemon.extensionPid();
    if (pid === undefined) throw new Error(`the daemon has no extension: ${daemon.stderr}`);
    using memory = new MemoryWatch(pid);
    await using load = await Load.prepare('typical-execs', rate * SECONDS, rate);
    const eventsBefore = await eventsOf(daemon);
    const before = { extension: cpuOfTree(pid), core: cpuSeconds(daemon.process.pid!) };
    const { seconds } = await load.run();
    const lines = () => linesOf(directory, load.pid);
    await daemon.until(() => lines().length >= rate * SECONDS, `${rate * SECONDS} rows`, LOGGED_MS);
    const used = {
      extension: cpuOfTree(pid) - before.extension,
      core: cpuSeconds(daemon.process.pid!) - before.core,
    };
    const events = (await eventsOf(daemon)) - eventsBefore;
    const rows = lines();
    const text = `${rows.join('\n')}\n`;
    return {
      rowBytes: Buffer.byteLength(text) / rows.length,
      packedRowBytes: gzipSync(text).length / rows.length,
      rows: rows.length,
      rate: (rate * SECONDS) / seconds,
      extensionCpu: used.extension / seconds,
      coreCpu: used.core / seconds,
      otherEvents: Math.max(0, events - rows.length) / seconds,
      memory: memory.peak,
      state: sizeOf(join(directory, 'state')) / 1e6,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
};

const eventsOf = async (daemon: DaemonProcess): Promise<number> => {
  const [row] = await daemon.query('SELECT events FROM audit_status');
  return Number(row?.events ?? 0);
};

const cpuOfTree = (pid: number): number =>
  [pid, ...childrenOf(pid)].reduce((sum, each) => {
    try {
      return sum + cpuSeconds(each);
    } catch {
      // Ended meanwhile, such as a question to NSS.
      return sum;
    }
  }, 0);

/** Lines of the result log about programs that a process has started: others run programs, too. */
const linesOf = (directory: string, parent: number): readonly string[] => {
  try {
    return readFileSync(join(directory, 'log', 'osqueryd.results.log'), 'utf8')
      .split('\n')
      .filter(line => line.includes(`"parent":"${parent}"`));
  } catch {
    return [];
  }
};

const sizeOf = (directory: string): number =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);

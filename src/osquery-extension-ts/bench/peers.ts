/**
 * 100,000 rows × 10 columns, made as objects: from a client's query to its answer, through an osqueryd; this package
 * and others in turn.
 *
 * node --conditions=source src/osquery-extension-ts/bench/peers.ts
 *
 * OSQUERYD: an osqueryd, by default the one in PATH; without one the extensions are called as core does, and nothing
 * reads their rows. OSQUERY_PYTHON: a directory with the sources of osquery-python; needs Thrift for Python (Debian:
 * python3-thrift). OSQUERY_GO: a directory with object_rows, built from object_rows.go and osquery-go.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ExtensionManagerClient } from 'osquery-extension-ts';
import { ExtensionClient, ExtensionManagerServer } from 'osquery-extension-ts/server';

const ROUNDS = 7;
const WARM_UP = 2;
const START_MS = 30_000;
/** Reads all columns of all rows, and answers with one number. */
const SQL =
  'SELECT sum(pid + length(name) + length(path) + length(cmdline) + uid + gid + start_time + length(state) + resident_size + parent) AS n FROM object_rows';

interface Core extends AsyncDisposable {
  readonly socketPath: string;
  /** The osqueryd's. */
  readonly pid?: number;
  /** Milliseconds from the query to its answer. */
  measure(): Promise<number>;
}

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const programs: Record<string, readonly string[]> = {
  'osquery-extension-ts': [process.execPath, '--conditions=source', file('object-rows.ts')],
};
const python = process.env.OSQUERY_PYTHON;
if (python !== undefined) programs['osquery-python'] = ['/usr/bin/python3', file('object_rows.py'), python];
const go = process.env.OSQUERY_GO;
if (go !== undefined) {
  programs['osquery-go'] = [join(go, 'object_rows')];
  programs['osquery-go, buffered'] = [join(go, 'object_rows'), '--buffered'];
}
const missing = [
  ...(python === undefined ? ['osquery-python (OSQUERY_PYTHON)'] : []),
  ...(go === undefined ? ['osquery-go (OSQUERY_GO)'] : []),
];
if (missing.length > 0) console.log(`not measured: ${missing.join(', ')}`);

const osqueryd =
  process.env.OSQUERYD ??
  (process.env.PATH ?? '')
    .split(delimiter)
    .map(path => join(path, 'osqueryd'))
    .find(existsSync);

const stop = async (child: ChildProcess): Promise<void> => {
  const ended = child.exitCode !== null || once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
};

/** User and system time of a process, of all its threads. Source: proc(5), /proc/pid/stat; a tick is 10 ms. */
const cpuMs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

const untilDone = async <T>(what: string, attempt: () => Promise<T>): Promise<T> => {
  for (const deadline = performance.now() + START_MS; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw new Error(`${what} is not there`, { cause: error });
      await sleep(50);
    }
  }
};

/** An osqueryd of its own. */
const startOsqueryd = async (directory: string, path: string): Promise<Core> => {
  const socketPath = join(directory, 'em');
  writeFileSync(join(directory, 'conf'), '{}');
  writeFileSync(join(directory, 'load'), '');
  const flags = {
    config_path: join(directory, 'conf'),
    database_path: join(directory, 'db'),
    logger_path: directory,
    pidfile: join(directory, 'pid'),
    extensions_socket: socketPath,
    extensions_autoload: join(directory, 'load'),
    disable_watchdog: 'true',
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(path, args, { stdio: 'ignore' });
  const client = new ExtensionManagerClient({ socketPath });
  await untilDone(path, () => client.ping());
  return {
    socketPath,
    pid: child.pid!,
    async measure() {
      const started = performance.now();
      await client.query(SQL);
      return performance.now() - started;
    },
    async [Symbol.asyncDispose]() {
      await client.close();
      await stop(child);
    },
  };
};

/** Registers an extension and calls it: everything that core does except SQL. */
const startCaller = async (directory: string): Promise<Core> => {
  const socketPath = join(directory, 'em');
  const server = new ExtensionManagerServer({
    socketPath,
    handlers: {
      registerExtension: () => 7,
      deregisterExtension: () => {},
      extensions: () => new Map([[7, { name: 'x', version: '1', sdkVersion: '0', minSdkVersion: '0' }]]),
      options: () => new Map(),
      query: () => [],
      getQueryColumns: () => [],
      call: () => [],
    },
  });
  await server.listen();
  const client = new ExtensionClient({ socketPath: `${socketPath}.7` });
  return {
    socketPath,
    async measure() {
      const started = performance.now();
      await client.callEncoded('table', 'object_rows', { action: 'generate', context: '{}' });
      return performance.now() - started;
    },
    async [Symbol.asyncDispose]() {
      await client.close();
      await server.close(0);
    },
  };
};

const directory = mkdtempSync(join(tmpdir(), 'oext-bench-'));
/** Milliseconds of CPU for a query, of the extension and of core: other load on the machine hardly affects it. */
const cpu = new Map<string, readonly number[]>();
const times = new Map(Object.keys(programs).map(name => [name, [] as number[]]));
try {
  await using stack = new AsyncDisposableStack();
  const measures = new Map<string, () => Promise<number>>();
  const pids = new Map<string, readonly number[]>();
  for (const [name, [program, ...args]] of Object.entries(programs)) {
    const own = mkdtempSync(join(directory, 'core-'));
    const core = stack.use(
      osqueryd === undefined ? await startCaller(own) : await startOsqueryd(own, osqueryd),
    );
    const child = spawn(
      program!,
      [...args, '--socket', core.socketPath, '--timeout', '10', '--interval', '3'],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
    stack.defer(() => stop(child));
    // The first runs read and compile what is needed once.
    for (let i = 0; i < WARM_UP; i++) await untilDone(name, () => core.measure());
    measures.set(name, () => core.measure());
    pids.set(name, [child.pid!, ...(core.pid === undefined ? [] : [core.pid])]);
  }
  const before = new Map([...pids].map(([name, list]) => [name, list.map(cpuMs)]));
  // In turn, so that other load is the same for all.
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, measure] of measures) times.get(name)!.push(await measure());
  }
  for (const [name, list] of pids) {
    const first = before.get(name)!;
    cpu.set(
      name,
      list.map((pid, index) => (cpuMs(pid) - first[index]!) / ROUNDS),
    );
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
console.log(
  `100,000 rows × 10 columns, ${osqueryd === undefined ? 'called without core' : 'through osqueryd'}, ${ROUNDS} rounds in turn:`,
);
for (const [name, list] of times) {
  const sorted = list.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)]!;
  const [own, cores] = cpu.get(name)!.map(ms => `${ms.toFixed(0)} ms`);
  console.log(
    `  ${name.padEnd(22)} ${median.toFixed(0)} ms (${sorted[0]!.toFixed(0)} to ${sorted.at(-1)!.toFixed(0)}), CPU of the extension ${own}${cores === undefined ? '' : `, of osqueryd ${cores}`}`,
  );
}

/**
 * `npm test`: types and lint; the tests on live audit, of which there is one, so that they come one after the other and mostly wait;
 * and beside all that, on what it leaves of the processors, all other tests; then the few that may not see what others start. What was
 * skipped, and why, comes last.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtExtension } from './built-extension.ts';
import { whyNotLive } from './live/kernel-audit.ts';
import { describeSkipped, type Skipped } from './reporter/skipped.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const root = new URL('..', import.meta.url).pathname;
const filters = process.argv.slice(2);
const CHECKS = [
  ['npm', 'run', '-s', 'typecheck'],
  ['npm', 'run', '-s', 'lint'],
] as const;
const directory = mkdtempSync(join(tmpdir(), 'osquery-audit-events-tests-'));

interface Run {
  readonly status: number;
  readonly skipped: readonly Skipped[];
  /** What was held back. */
  readonly said: Buffer;
}

interface Part {
  readonly name: string;
  readonly projects: readonly string[];
  /** Whether it comes second where another wants the processors. */
  readonly yields: boolean;
  /** Whether what it says is printed when it has ended: of two at once nobody could read either. */
  readonly isHeldBack: boolean;
}

/** Linux gives it a third of what it gives another that wants as much. */
const YIELDING = ['nice', '-n', '5'] as const;

/** Ends the child when this process is told to end; resolves with its status. */
const ended = async (child: ChildProcess): Promise<number> => {
  const stop = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, stop);
  const [status] = await once(child, 'close');
  for (const signal of SIGNALS) process.removeListener(signal, stop);
  return status ?? 1;
};

/** Types and lint, which say at once what is wrong. */
const check = (): Promise<readonly number[]> =>
  Promise.all(
    CHECKS.map(([program, ...args]) =>
      ended(spawn(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })),
    ),
  );

const run = async ({ name, projects, yields, isHeldBack }: Part): Promise<Run> => {
  const skippedTo = join(directory, `${name}.json`);
  const args = [
    'run',
    '--config',
    'test/vitest.config.ts',
    ...projects.map(project => `--project=${project}`),
  ];
  if (filters.length > 0) args.push('--passWithNoTests', ...filters);
  const [program, ...command] = [
    ...(yields ? YIELDING : []),
    process.execPath,
    join(root, 'node_modules/vitest/vitest.mjs'),
    ...args,
  ];
  const child = spawn(program, command, {
    cwd: root,
    stdio: ['ignore', isHeldBack ? 'pipe' : 'inherit', isHeldBack ? 'pipe' : 'inherit'],
    env: { ...process.env, SKIPPED_TO: skippedTo },
  });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', bytes => said.push(bytes));
  const status = await ended(child);
  return { status, skipped: readSkipped(skippedTo), said: Buffer.concat(said) };
};

const readSkipped = (path: string): readonly Skipped[] => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    // It ended before it had run anything, and has said why.
    return [];
  }
};

const isLive = whyNotLive === undefined;
const others = run({
  name: 'others',
  projects: ['quick', 'processes'],
  yields: isLive,
  isHeldBack: false,
});
const checked = check();
// Most live tests start it: one builds it.
if (isLive) await builtExtension();
const live = run({ name: 'live', projects: ['live audit'], yields: false, isHeldBack: true });
const beside = await Promise.all([live, others]);
for (const { said } of beside) process.stdout.write(said);
const alone = await run({ name: 'alone', projects: ['live alone'], yields: false, isHeldBack: false });
const runs = [...beside, alone];
process.stdout.write(describeSkipped(runs.flatMap(({ skipped }) => skipped)));
rmSync(directory, { recursive: true });
process.exitCode = Math.max(...(await checked), ...runs.map(({ status }) => status));

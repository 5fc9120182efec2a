/**
 * `npm test`: the tests on live audit, of which there is one, so that they come one after the other and mostly wait; and beside
 * them, on what they leave of the processors, all others; then the few that may not see what others start. What was skipped, and
 * why, comes last.
 */
import { spawn } from 'node:child_process';
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
  const stop = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, stop);
  const [status] = await once(child, 'close');
  for (const signal of SIGNALS) process.removeListener(signal, stop);
  return { status: status ?? 1, skipped: readSkipped(skippedTo), said: Buffer.concat(said) };
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
// Both parts start it: one builds it.
if (isLive) await builtExtension();
const beside = await Promise.all([
  run({ name: 'live', projects: ['live audit'], yields: false, isHeldBack: true }),
  run({ name: 'others', projects: ['quick', 'processes'], yields: isLive, isHeldBack: false }),
]);
for (const { said } of beside) process.stdout.write(said);
const alone = await run({ name: 'alone', projects: ['live alone'], yields: false, isHeldBack: false });
const runs = [...beside, alone];
process.stdout.write(describeSkipped(runs.flatMap(({ skipped }) => skipped)));
rmSync(directory, { recursive: true });
process.exitCode = Math.max(...runs.map(({ status }) => status));

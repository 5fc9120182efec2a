/**
 * `npm test`: the tests on live kernel audit, which mostly wait, beside all others. What those have to say comes when they have
 * ended; what was skipped, and why, comes last.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeSkipped, type Skipped } from './reporter/skipped.ts';

const root = new URL('..', import.meta.url).pathname;
const filters = process.argv.slice(2);
const directory = mkdtempSync(join(tmpdir(), 'osquery-audit-events-tests-'));

interface Run {
  readonly process: ChildProcess;
  readonly skipped: () => readonly Skipped[];
}

const start = (name: string, projects: readonly string[], stdout: 'inherit' | 'pipe'): Run => {
  const skippedTo = join(directory, `${name}.json`);
  const args = [
    'run',
    '--config',
    'test/vitest.config.ts',
    ...projects.map(project => `--project=${project}`),
  ];
  if (filters.length > 0) args.push('--passWithNoTests', ...filters);
  const child = spawn(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), ...args], {
    cwd: root,
    stdio: ['ignore', stdout, stdout],
    env: { ...process.env, SKIPPED_TO: skippedTo },
  });
  const skipped = (): readonly Skipped[] => {
    try {
      return JSON.parse(readFileSync(skippedTo, 'utf8'));
    } catch {
      // It ended before it had run anything, and has said why.
      return [];
    }
  };
  return { process: child, skipped };
};

const collect = (child: ChildProcess): (() => string) => {
  let text = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', chunk => {
      text += chunk;
    });
  }
  return () => text;
};

const live = start('live', ['live audit'], 'pipe');
const said = collect(live.process);
const others = start('others', ['quick', 'processes'], 'inherit');
// What is recorded live is there within milliseconds, or too late.
setPriority(others.process.pid!, constants.priority.PRIORITY_BELOW_NORMAL);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    live.process.kill(signal);
    others.process.kill(signal);
  });
}

const runs = [live, others];
const statuses = await Promise.all(
  runs.map(async ({ process: child }): Promise<number> => (await once(child, 'close'))[0] ?? 1),
);
process.stdout.write(said());
process.stdout.write(describeSkipped(runs.flatMap(run => run.skipped())));
rmSync(directory, { recursive: true });
process.exitCode = Math.max(...statuses);

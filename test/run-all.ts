/**
 * `npm test`: all tests that leave kernel audit alone, then those on live audit. Beside others these would mostly wait, but what
 * is recorded live is there within milliseconds or too late, and a busy machine fails them. What was skipped, and why, comes
 * last.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeSkipped, type Skipped } from './reporter/skipped.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const root = new URL('..', import.meta.url).pathname;
const filters = process.argv.slice(2);
const directory = mkdtempSync(join(tmpdir(), 'osquery-audit-events-tests-'));

interface Run {
  readonly status: number;
  readonly skipped: readonly Skipped[];
}

const run = async (name: string, projects: readonly string[]): Promise<Run> => {
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
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, SKIPPED_TO: skippedTo },
  });
  const stop = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, stop);
  const [status] = await once(child, 'close');
  for (const signal of SIGNALS) process.removeListener(signal, stop);
  return { status: status ?? 1, skipped: readSkipped(skippedTo) };
};

const readSkipped = (path: string): readonly Skipped[] => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    // It ended before it had run anything, and has said why.
    return [];
  }
};

const runs = [await run('others', ['quick', 'processes']), await run('live', ['live audit'])];
process.stdout.write(describeSkipped(runs.flatMap(({ skipped }) => skipped)));
rmSync(directory, { recursive: true });
process.exitCode = Math.max(...runs.map(({ status }) => status));

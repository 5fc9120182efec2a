import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

vi.setConfig({ testTimeout: 60_000 });

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'daemon-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface Line {
  readonly name: string;
  readonly action: string;
  readonly columns: Readonly<Record<string, string>>;
}

const lines = (): Line[] => {
  const log = join(directory, 'log', 'osqueryd.results.log');
  if (!existsSync(log)) return [];
  return readFileSync(log, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line));
};

const statusLog = (severity: string): string => {
  const log = join(directory, 'log', `osqueryd.${severity}`);
  return existsSync(log) ? readFileSync(log, 'utf8') : '';
};

const start = (...args: string[]) => {
  const child = spawn(
    process.execPath,
    [
      '--conditions=source',
      path('src/cli/main.ts'),
      'daemon',
      `--logger_path=${join(directory, 'log')}`,
      '--extensions_timeout=30',
      '--extensions_interval=1',
      '--every=1',
      ...args,
    ],
    { env: { ...process.env, TMPDIR: directory }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', text => {
    errors += text;
  });
  const ended = once(child, 'close').then(([status]) => status as number | null);
  return { child, ended, errors: () => errors };
};

const RECORDED = `--replay=${path('fixtures/exec.log')}`;
const PACKS = ['process_events', 'socket_events', 'user_events'].map(
  name => `--schedule=${path(`tables/packs/${name}.conf`)}`,
);
const PATIENCE = { timeout: 40_000 };

describe('the daemon command', () => {
  test('runs the packs with the osquery.flags that we ship: each event once, under the standard names', async () => {
    const daemon = start(`--flagfile=${path('osquery.flags')}`, RECORDED, ...PACKS, '--verbose');
    const runs = () => daemon.errors().split('scheduled query pack_process_events_executions').length - 1;
    await expect.poll(runs, PATIENCE).toBeGreaterThan(2);
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    expect(lines()).toHaveLength(1);
    expect(lines()[0]).toMatchObject({
      name: 'pack_process_events_executions',
      action: 'added',
      columns: { path: '/usr/bin/echo', syscall: 'execve' },
    });
    expect(daemon.errors()).not.toMatch(/^[WE] /m);
    expect(statusLog('WARNING')).toBe('');
    // Neither its socket nor the extension's.
    expect(readdirSync(directory)).toEqual(['log']);
  });

  test("without disable_tables osquery's own tables stay empty, which its log says with the line to add", async () => {
    const schedule = join(directory, 'osquery.conf');
    const query = (query: string) => ({ query, interval: 60, removed: false });
    writeFileSync(
      schedule,
      JSON.stringify({
        schedule: {
          standard: query('SELECT path FROM process_events'),
          prefixed: query('SELECT path FROM audit_process_events'),
        },
      }),
    );
    const daemon = start(RECORDED, `--config_path=${schedule}`);
    await expect.poll(() => lines().length, PATIENCE).toBeGreaterThan(0);
    daemon.child.kill('SIGINT');
    expect(await daemon.ended).toBe(0);
    expect(lines().map(({ name }) => name)).toEqual(['prefixed']);
    const warnings = statusLog('WARNING').split('\n').slice(0, -1);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^W\d{8} [\d:.]+ \d+ osquery-audit-events:0\] .*--disable_tables=process_events,socket_events,user_events$/,
      ),
    ]);
    expect(statusLog('INFO')).toContain(warnings[0]);
    expect(statusLog('ERROR')).toBe('');
  });

  test('an extension that others may change is not started, and the schedule runs without it', async () => {
    const extension = join(directory, 'unsafe.ext');
    writeFileSync(extension, '#!/bin/sh\n');
    chmodSync(extension, 0o757);
    const list = join(directory, 'extensions.load');
    writeFileSync(list, `# ours\n${extension}\n`);
    const schedule = join(directory, 'osquery.conf');
    writeFileSync(
      schedule,
      '{"schedule":{"q":{"query":"SELECT name FROM osquery_extensions","interval":60}}}',
    );
    const daemon = start(`--extensions_autoload=${list}`, `--schedule=${schedule}`, '--extensions_timeout=1');
    await expect.poll(() => lines().length, PATIENCE).toBe(1);
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    expect(statusLog('WARNING')).toContain(
      `Will not autoload extension with unsafe directory permissions: ${extension}`,
    );
    expect(lines()[0]?.columns).toEqual({ name: 'core' });
  });

  test('with extensions disabled says so', async () => {
    const schedule = join(directory, 'osquery.conf');
    writeFileSync(schedule, '{"schedule":{"q":{"query":"SELECT 1 AS one","interval":60}}}');
    const daemon = start('--disable_extensions', `--schedule=${schedule}`);
    await expect.poll(() => lines().length, PATIENCE).toBe(1);
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    expect(statusLog('WARNING')).toContain('--disable_extensions=false');
  });

  test.each([
    ['a stray argument', 2, ['SELECT 1'], 'unexpected argument "SELECT 1"'],
    ['an interval of nothing', 2, ['--every=0'], '--every'],
    ['no configuration', 1, ['--schedule=/nonexistent.conf'], '/nonexistent.conf'],
    ['no recording', 1, ['--replay=/nonexistent.log'], '/nonexistent.log'],
  ])('%s: one line, status %i', async (_what, status, args, message) => {
    const daemon = start(...args);
    expect(await daemon.ended).toBe(status);
    expect(daemon.errors()).toMatch(/^osquery-audit-events: [^\n]+\n$/);
    expect(daemon.errors()).toContain(message);
  });
});

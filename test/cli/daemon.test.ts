import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExtensionManagerClient } from 'osquery-extension-ts';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DaemonRun, projectPath } from './daemon-run.ts';

vi.setConfig({ testTimeout: 60_000 });

let directory: string;
let started: DaemonRun[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'daemon-'));
  started = [];
});
afterEach(async () => {
  for (const daemon of started) await daemon.stop();
  rmSync(directory, { recursive: true, force: true });
});

const start = (...args: string[]): DaemonRun => {
  const daemon = new DaemonRun(directory, args);
  started.push(daemon);
  return daemon;
};

const configure = (queries: Readonly<Record<string, string>>): string => {
  const path = join(directory, 'osquery.conf');
  const schedule = Object.fromEntries(
    Object.entries(queries).map(([name, query]) => [name, { query, interval: 60, removed: false }]),
  );
  writeFileSync(path, JSON.stringify({ schedule }));
  return path;
};

const recorded = (name: string): string => `--replay=${projectPath(`fixtures/${name}.log`)}`;
const FLAGS = `--flagfile=${projectPath('osquery.flags')}`;
const PACKS = ['process_events', 'socket_events', 'user_events'].map(
  name => `--schedule=${projectPath(`tables/packs/${name}.conf`)}`,
);
const PATIENCE = { timeout: 40_000 };

describe('names', () => {
  test('the osquery.flags and the packs that we ship: each event once, under the standard names', async () => {
    const daemon = start(FLAGS, recorded('exec'), ...PACKS, '--verbose');
    await expect.poll(() => daemon.runs('pack_process_events_executions'), PATIENCE).toBeGreaterThan(2);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.lines()).toHaveLength(1);
    expect(daemon.lines()[0]).toMatchObject({
      name: 'pack_process_events_executions',
      action: 'added',
      columns: { path: '/usr/bin/echo', syscall: 'execve' },
    });
    expect(daemon.errors).not.toMatch(/^[WE] /m);
    expect(daemon.statusLog('WARNING')).toBe('');
    // Neither its socket nor the extension's.
    expect(readdirSync(directory)).toEqual(['log']);
  });

  test('hidden columns are there under the standard names, in any case', async () => {
    const schedule = configure({
      hidden: 'SELECT argv, eid, cmdline_size FROM process_events',
      any_case: 'SELECT path, comm FROM PROCESS_EVENTS',
      prefixed: 'SELECT argv FROM audit_process_events',
    });
    const daemon = start(FLAGS, recorded('exec'), `--schedule=${schedule}`, '--verbose');
    await expect.poll(() => daemon.runs('prefixed'), PATIENCE).toBeGreaterThan(2);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.lines('hidden').map(({ columns }) => columns)).toEqual([
      { argv: expect.stringMatching(/^\["/), eid: '0000000001', cmdline_size: expect.any(String) },
    ]);
    expect(daemon.lines('any_case')).toHaveLength(1);
    expect(daemon.lines('prefixed')).toHaveLength(1);
    expect(daemon.errors).not.toMatch(/^[WE] /m);
  });

  test("without disable_tables osquery's own tables stay empty, which its log says with the line to add", async () => {
    const schedule = configure({
      standard: 'SELECT path FROM process_events',
      prefixed: 'SELECT path, argv FROM audit_process_events',
    });
    const daemon = start(recorded('exec'), `--config_path=${schedule}`);
    await expect.poll(() => daemon.lines().length, PATIENCE).toBeGreaterThan(0);
    expect(await daemon.stop('SIGINT')).toBe(0);
    expect(daemon.lines().map(({ name }) => name)).toEqual(['prefixed']);
    const warnings = daemon.statusLog('WARNING').split('\n').slice(0, -1);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^W\d{8} [\d:.]+ \d+ osquery-audit-events:0\] .*--disable_tables=process_events,user_events$/,
      ),
    ]);
    expect(daemon.statusLog('INFO')).toContain(warnings[0]);
    expect(daemon.statusLog('ERROR')).toBe('');
  });

  test.each([
    ['--disable_audit=false', '--disable_audit=true'],
    ['--disable_events', '--disable_events=false'],
  ])('with %s the log has the line to put right', async (wrong, right) => {
    const daemon = start(FLAGS, wrong, recorded('exec'), `--schedule=${configure({ q: 'SELECT 1' })}`);
    await expect.poll(() => daemon.statusLog('WARNING'), PATIENCE).toContain(right);
    expect(daemon.statusLog('WARNING').split('\n')).toHaveLength(2);
  });
});

describe('a schedule whose queries take long', () => {
  /** Long enough that somebody looks at the schedule while it runs. */
  const SLOW =
    'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 3000000) SELECT count(*) FROM c';

  test('goes on: nothing that a SELECT waits for waits for the schedule', async () => {
    const schedule = configure({ slow: SLOW, events: 'SELECT cmdline FROM process_events' });
    const daemon = start(FLAGS, recorded('exec'), `--schedule=${schedule}`, '--verbose');
    await expect.poll(() => daemon.runs('slow'), PATIENCE).toBeGreaterThan(4);
    expect(daemon.lines('events')).toHaveLength(1);
    expect(daemon.errors).not.toMatch(/^[WE] /m);
  });

  test('also with a query that a reload has just brought, which sees each row once', async () => {
    const schedule = configure({ slow: SLOW });
    const daemon = start(
      FLAGS,
      recorded('exec'),
      `--schedule=${schedule}`,
      '--verbose',
      '--config_refresh=1',
    );
    await expect.poll(() => daemon.runs('slow'), PATIENCE).toBeGreaterThan(2);
    configure({ slow: SLOW, added: 'SELECT cmdline FROM process_events' });
    await expect.poll(() => daemon.runs('added'), PATIENCE).toBeGreaterThan(4);
    expect(daemon.lines('added')).toHaveLength(1);
  });
});

describe('what scheduled queries see', () => {
  test('each row once, however often one run reads the tables, and whatever else reads them', async () => {
    const socket = join(directory, 'core.em');
    const queries = {
      self_join: 'SELECT a.cmdline FROM process_events a JOIN process_events b ON a.pid = b.pid',
      any_of: "SELECT path FROM process_events WHERE path IN ('/usr/bin/echo', '/usr/bin/true', '/none')",
      either: "SELECT path FROM process_events WHERE path = '/usr/bin/echo' OR cmdline LIKE '%o%'",
      two_tables: 'SELECT p.cmdline, s.remote_address FROM process_events p, socket_events s',
      by_alias: 'SELECT path FROM audit_process_events LIMIT 1 OFFSET 1',
      twice:
        'SELECT (SELECT count(*) FROM process_events) AS one, (SELECT count(*) FROM process_events) AS two',
    } as const;
    const daemon = start(
      FLAGS,
      ...['exec', 'exec-uid', 'exec-cwd', 'connect-ipv4'].map(recorded),
      `--schedule=${configure(queries)}`,
      `--extensions_socket=${socket}`,
      '--verbose',
    );
    await expect.poll(() => daemon.runs('twice'), PATIENCE).toBeGreaterThan(3);
    // A query without a name sees all that is buffered, and moves nothing.
    await using client = new ExtensionManagerClient({ socketPath: socket });
    const sorted = (rows: readonly object[]): string[] => rows.map(row => JSON.stringify(row)).sort();
    const all = new Map<string, string[]>();
    for (const [name, sql] of Object.entries(queries)) {
      // One that comes while a scheduled query runs may be taken for it: who asks cannot be seen without a right to look into core.
      await expect
        .poll(async () => all.set(name, sorted(await client.query(sql))).get(name), PATIENCE)
        .not.toEqual([]);
    }
    const before = daemon.runs('twice');
    await expect.poll(() => daemon.runs('twice'), PATIENCE).toBeGreaterThan(before + 1);
    for (const name of ['self_join', 'any_of', 'either', 'two_tables', 'by_alias']) {
      const columns = daemon.lines(name).map(line => line.columns);
      expect(columns.length, name).toBeGreaterThan(0);
      expect(sorted(columns), name).toEqual(all.get(name));
    }
    const [first, ...later] = daemon.lines('twice').map(({ columns }) => columns);
    expect(first?.one).toBe(first?.two);
    expect(Number(first?.one)).toBeGreaterThan(2);
    expect(new Set(later.map(({ one, two }) => `${one} ${two}`))).toEqual(new Set(['0 0']));
  });

  test('events_expiry of 1: what every reader has had is gone', async () => {
    const socket = join(directory, 'core.em');
    const queries = {
      a: 'SELECT path FROM process_events',
      b: "SELECT cmdline FROM process_events WHERE path LIKE '/usr/%'",
    };
    const daemon = start(
      FLAGS,
      '--events_expiry=1',
      recorded('exec'),
      `--schedule=${configure(queries)}`,
      `--extensions_socket=${socket}`,
    );
    await expect.poll(() => daemon.lines('b').length, PATIENCE).toBe(1);
    await using client = new ExtensionManagerClient({ socketPath: socket });
    const left = async () => (await client.query('SELECT rows_buffered AS n FROM audit_status'))[0]?.n;
    await expect.poll(left, PATIENCE).toBe('0');
    expect(await client.query('SELECT path FROM process_events')).toEqual([]);
    expect(daemon.lines('a')).toHaveLength(1);
  });

  test('with numeric monitoring, which hides their names: everything, each time, and a warning', async () => {
    const daemon = start(
      FLAGS,
      '--enable_numeric_monitoring',
      recorded('exec'),
      `--schedule=${configure({ q: 'SELECT path FROM process_events' })}`,
    );
    await expect.poll(() => daemon.lines('q').length, PATIENCE).toBeGreaterThan(1);
    expect(new Set(daemon.lines('q').map(({ columns }) => columns.path))).toEqual(new Set(['/usr/bin/echo']));
    const warnings = daemon.statusLog('WARNING').split('\n').slice(0, -1);
    expect(warnings).toEqual([expect.stringContaining('--enable_numeric_monitoring=false')]);
  });
});

describe('a configuration that comes late', () => {
  test('finds the extension there, which takes its options over when they come', async () => {
    const path = configure({ rows: 'SELECT count(*) AS n FROM audit_process_events WHERE time > 0' });
    const { schedule } = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ schedule, options: { events_max: 1, custom_audit_mode: 'auto' } }));
    const socket = join(directory, 'core.em');
    const daemon = start(
      FLAGS,
      recorded('exec'),
      recorded('exec-uid'),
      `--schedule=${path}`,
      '--config_delay=4',
      '--verbose',
      `--extensions_socket=${socket}`,
    );
    await using client = new ExtensionManagerClient({ socketPath: socket });
    const optionOf = async (name: string): Promise<string | undefined> =>
      (await client.options()).get(name)?.value;
    await expect
      .poll(() => client.query('SELECT rows_buffered FROM audit_status').catch(() => []), PATIENCE)
      .toHaveLength(1);
    expect(daemon.runs('rows')).toBe(0);
    expect(await optionOf('custom_audit_mode')).toBeUndefined();
    expect(await optionOf('events_max')).toBe('50000');
    await expect.poll(() => daemon.lines('rows').at(-1)?.columns.n, PATIENCE).toBe('1');
    expect(await optionOf('custom_audit_mode')).toBe('auto');
    expect(daemon.errors).not.toMatch(/^E /m);
  });
});

describe('extensions', () => {
  test('one that others may change is not started, and the schedule runs without it', async () => {
    const extension = join(directory, 'unsafe.ext');
    writeFileSync(extension, '#!/bin/sh\n');
    chmodSync(extension, 0o757);
    const list = join(directory, 'extensions.load');
    writeFileSync(list, `# ours\n${extension}\n`);
    const daemon = start(
      `--extensions_autoload=${list}`,
      `--schedule=${configure({ q: 'SELECT name FROM osquery_extensions' })}`,
    );
    await expect.poll(() => daemon.lines().length, PATIENCE).toBe(1);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.statusLog('WARNING')).toContain(
      `Will not autoload extension with unsafe directory permissions: ${extension}`,
    );
    expect(daemon.lines()[0]?.columns).toEqual({ name: 'core' });
  });

  test('disabled ones are told of', async () => {
    const daemon = start('--disable_extensions', `--schedule=${configure({ q: 'SELECT 1 AS one' })}`);
    await expect.poll(() => daemon.lines().length, PATIENCE).toBe(1);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.statusLog('WARNING')).toContain('--disable_extensions=false');
  });
});

test.each([
  ['a stray argument', 2, ['SELECT 1'], 'unexpected argument "SELECT 1"'],
  ['an interval of nothing', 2, ['--every=0'], '--every'],
  ['no configuration', 1, ['--schedule=/nonexistent.conf'], '/nonexistent.conf'],
  ['no recording', 1, ['--replay=/nonexistent.log'], '/nonexistent.log'],
])('%s: one line, status %i', async (_what, status, args, message) => {
  const daemon = start(...args);
  expect(await daemon.ended).toBe(status);
  expect(daemon.errors).toMatch(/^osquery-audit-events: [^\n]+\n$/);
  expect(daemon.errors).toContain(message);
});

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

// Several processes start and end in each of these tests.
vi.setConfig({ testTimeout: 120_000 });

const PROGRAM = fileURLToPath(new URL('../fake-daemon.ts', import.meta.url));

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'daemon-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const start = (...args: string[]) => {
  const child = spawn(
    process.execPath,
    ['--conditions=source', PROGRAM, `--directory=${directory}`, ...args],
    {
      env: { ...process.env, TMPDIR: directory },
    },
  );
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const ended = new Promise<number | null>(resolve => child.once('close', status => resolve(status)));
  return { child, ended, errors: () => errors };
};

interface Line {
  readonly name: string;
  readonly counter: number;
  readonly action: string;
  readonly hostIdentifier: string;
  readonly columns: Readonly<Record<string, string>>;
}

const results = (): Line[] => {
  const path = join(directory, 'log', 'osqueryd.results.log');
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as Line);
};

const of = (name: string): Line[] => results().filter(line => line.name === name);

const configure = (queries: Record<string, string>): void => {
  const schedule = Object.fromEntries(
    Object.entries(queries).map(([name, query]) => [name, { query, interval: 60 }]),
  );
  writeFileSync(join(directory, 'osquery.conf'), JSON.stringify({ packs: { p: { queries: schedule } } }));
};

const PATIENCE = { timeout: 25_000 };

describe('the daemon as a process', () => {
  test('logs what changes, goes on with a new extension, and after its own restart', async () => {
    configure({
      pid: 'SELECT pid FROM fake',
      name: "SELECT value FROM osquery_flags WHERE name = 'extensions_interval'",
    });
    const first = start();
    await expect.poll(() => of('pack_p_pid').length, PATIENCE).toBe(1);
    const [added] = of('pack_p_pid');
    expect(added).toMatchObject({ action: 'added', counter: 0, hostIdentifier: 'test-host' });
    expect(Object.keys(added!)).toEqual([
      'name',
      'hostIdentifier',
      'calendarTime',
      'unixTime',
      'epoch',
      'counter',
      'numerics',
      'columns',
      'action',
    ]);

    process.kill(Number(added!.columns.pid), 'SIGKILL');
    // The old row goes and the new one comes, in one difference.
    await expect
      .poll(() => of('pack_p_pid').map(({ action, counter }) => [action, counter]), PATIENCE)
      .toEqual([
        ['added', 0],
        ['removed', 1],
        ['added', 1],
      ]);
    expect(first.errors()).toContain('ended by SIGKILL; starting it again');

    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    expect(() => process.kill(Number(of('pack_p_pid')[2]!.columns.pid), 0)).toThrow();
    expect(readdirSync(directory).filter(name => name.startsWith('osquery-audit-events-'))).toEqual([]);

    const second = start();
    await expect.poll(() => of('pack_p_pid').length, PATIENCE).toBe(5);
    expect(
      of('pack_p_pid')
        .slice(3)
        .map(({ action, counter }) => [action, counter]),
    ).toEqual([
      ['removed', 2],
      ['added', 2],
    ]);
    // What has not changed is not logged again.
    expect(of('pack_p_name')).toHaveLength(1);
    second.child.kill('SIGINT');
    expect(await second.ended).toBe(0);
  });

  test('appends the rows of event tables, and says when it was killed in the middle of a query', async () => {
    configure({ growing: 'SELECT n FROM growing', stuck: 'SELECT * FROM slow' });
    const first = start('--events');
    await expect
      .poll(() => of('pack_p_growing').map(({ columns, counter }) => [columns.n, counter]), PATIENCE)
      .toEqual([['0', 1]]);
    await expect
      .poll(() => readFileSync(join(directory, 'db', 'core.jsonl'), 'utf8'), PATIENCE)
      .toContain('"v":"pack_p_stuck"');
    first.child.kill('SIGKILL');
    await first.ended;

    configure({ growing: 'SELECT n FROM growing' });
    const second = start('--events');
    // A new process counts from 0 again; the query's own counter goes on.
    await expect
      .poll(
        () =>
          of('pack_p_growing')
            .slice(0, 4)
            .map(({ columns, counter, action }) => [columns.n, counter, action]),
        PATIENCE,
      )
      .toEqual([
        ['0', 1, 'added'],
        ['0', 2, 'added'],
        ['0', 3, 'added'],
        ['1', 3, 'added'],
      ]);
    expect(second.errors()).toContain('Scheduled query may have failed: pack_p_stuck');
    second.child.kill('SIGTERM');
    expect(await second.ended).toBe(0);
  });

  test('does not start without a configuration', async () => {
    const daemon = start();
    expect(await daemon.ended).toBe(1);
    expect(daemon.errors()).toContain('osquery.conf');
  });
});

import { PassThrough, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createTextSink, OutputClosedError } from '../../src/runtime/terminal/text-sink.ts';
import { runInteractive } from '../../src/shell/interactive.ts';
import type { LineNotices } from '../../src/shell/run-core.ts';
import type { Session } from '../../src/shell/session.ts';
import { MAX_STATEMENT_LENGTH } from '../../src/shell/statement-splitter.ts';
import { runStream } from '../../src/shell/stream-input.ts';
import { column, FakeTable, PATIENCE, startCore, startExtension, type TestCore } from '../core/support.ts';
import { openSession } from './open-session.ts';

const command = (session: Session, text: string) => session.handle({ kind: 'command', text, line: 1 });

const table = new FakeTable('mine', [column('a', 'TEXT'), { id: 'alias', alias: 'yours' }], () => [
  { a: '1' },
]);

describe('commands', () => {
  test('.tables, .schema, .all', async () => {
    await using started = await startCore();
    await using _extension = await startExtension(started.core, [table]);
    const { session, out, errors } = openSession(started);
    await command(session, '.tables');
    expect(out()).toContain('  => mine\n');
    expect(out()).toContain('  => osquery_flags\n');
    expect(out()).toContain('  => yours\n');
    const before = out().length;
    await command(session, '.tables our');
    await command(session, '.tables m%e');
    await command(session, '.schema mine');
    await command(session, '.schema yours');
    await command(session, '.all mine');
    const schema = 'CREATE TABLE mine(`a` TEXT);\nCREATE VIEW yours AS SELECT * FROM mine;\n';
    expect(out().slice(before)).toBe(
      `  => yours\n  => mine\n  => time\n${schema}${schema}1\n`.replace('  => time\n', ''),
    );
    expect(await command(session, '.schema nobody')).toBe('failed');
    expect(await command(session, '.all x;y')).toBe('failed');
    expect(errors()).toContain('no table "nobody"; .tables shows');
  });

  test('settings', async () => {
    await using started = await startCore();
    const { session, out, errors } = openSession(started);
    for (const line of [
      '.mode csv',
      '.headers on',
      '.nullvalue "NIL"',
      '.separator \\t',
      '.echo off',
      '.bail ON',
    ]) {
      expect(await command(session, line)).toBe('done');
    }
    expect(session.settings).toMatchObject({
      mode: 'csv',
      headers: true,
      nullValue: 'NIL',
      separator: '\t',
      bail: true,
    });
    await session.execute('SELECT 1 AS a, NULL AS b');
    await command(session, '.times on');
    await session.execute('SELECT 1796095145 AS time');
    await command(session, '.mode list');
    await session.execute('SELECT 1796095145 AS time');
    expect(out()).toContain('time\n1796095145\n');
    expect(out()).toContain('time\n2026-12-01T03:19:05Z\n');
    await command(session, '.mode csv');
    await command(session, '.show');
    expect(out()).toContain('a\tb\n1\tNIL\n');
    expect(out()).toContain('mode: csv');
    expect(await command(session, '.mode nonsense')).toBe('failed');
    expect(await command(session, '.headers perhaps')).toBe('failed');
    expect(await command(session, '.separator')).toBe('failed');
    expect(errors()).toContain(
      '.mode: expected one of pretty, table, records, json, csv, line, list, column, got "nonsense"',
    );
  });

  test('.types, .print, .socket, .help, .exit, and what is none', async () => {
    await using started = await startCore();
    const { session, out, errors } = openSession(started);
    await command(session, '.types SELECT 1 AS one, name FROM osquery_flags;');
    await command(session, '.print two words');
    await command(session, '.socket');
    expect(out()).toBe(`one: INTEGER\nname: TEXT\ntwo words\n${started.core.socketPath}\n`);
    await command(session, '.help');
    expect(out()).toContain('.tables [PATTERN]');
    expect(await command(session, '.quit')).toBe('exit');
    expect(await command(session, '.exi')).toBe('exit');
    expect(await command(session, '.types SELECT nope')).toBe('failed');
    expect(await command(session, '.nonsense')).toBe('failed');
    expect(await command(session, '.s')).toBe('failed');
    expect(await command(session, '.')).toBe('failed');
    expect(errors()).toContain('unknown command .nonsense; .help lists the commands');
    expect(errors()).toContain('.s may be .schema, .separator, .show, .socket, .summary');
  });
});

describe('a stream of statements', () => {
  test('runs each as soon as it is complete', async () => {
    await using started = await startCore();
    const { session, out } = openSession(started);
    const stream = new PassThrough();
    const running = runStream(session, stream, new AbortController().signal);
    stream.write("SELECT 'first'; SELECT ");
    await expect.poll(out, PATIENCE).toBe('first\n');
    stream.write("'second';\n.print third\n");
    await expect.poll(out, PATIENCE).toBe('first\nsecond\nthird\n');
    stream.end("SELECT 'last'");
    expect(await running).toBe(true);
    expect(out()).toBe('first\nsecond\nthird\nlast\n');
  });

  test('goes on after an error, names its line, and tells that something failed', async () => {
    await using started = await startCore();
    const { session, out, errors } = openSession(started, {}, true);
    const stream = new PassThrough();
    stream.end('SELECT 1;\n\nSELECT nope;\nSELECT 2;');
    expect(await runStream(session, stream, new AbortController().signal)).toBe(false);
    expect(out()).toBe('1\n2\n');
    expect(errors()).toBe('Error: near line 3: no such column: nope; .schema TABLE shows the columns\n');
  });

  test('ends at the first error with .bail, and at .exit', async () => {
    await using started = await startCore();
    for (const [text, expected] of [
      ['.bail on\nSELECT nope; SELECT 1;', false],
      ['.exit\nSELECT 1;', true],
    ] as const) {
      const { session, out } = openSession(started);
      const stream = new PassThrough();
      stream.end(text);
      expect(await runStream(session, stream, new AbortController().signal)).toBe(expected);
      expect(out()).toBe('');
    }
  });

  test('ends behind a statement that is too long, with the line on which that began', async () => {
    await using started = await startCore();
    const { session, out, errors } = openSession(started, { echo: true });
    const stream = new PassThrough();
    stream.end(`SELECT 1;\n\nSELECT '${'x'.repeat(MAX_STATEMENT_LENGTH)}'; SELECT 2;`);
    expect(await runStream(session, stream, new AbortController().signal)).toBe(false);
    expect(out()).toBe('SELECT 1;\n1\n');
    expect(errors()).toBe(
      'Error: the statement on line 3 is too long; expected at most 1048576 characters\n',
    );
  });

  test('ends when told to, with a statement under way', async () => {
    await using started = await startCore();
    const { session } = openSession(started);
    const abort = new AbortController();
    const running = runStream(session, new PassThrough().pause(), abort.signal);
    abort.abort();
    expect(await running).toBe(true);
    const stream = new PassThrough();
    const again = new AbortController();
    const busy = runStream(session, stream, again.signal);
    stream.write('WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c;');
    await expect.poll(() => session.busy, PATIENCE).toBe(true);
    again.abort();
    await busy;
    expect(session.busy).toBe(false);
  });
});

describe('at a terminal', () => {
  const CTRL_C = '\u0003';
  const CTRL_D = '\u0004';

  // Readline looks at it.
  beforeEach(() => vi.stubEnv('TERM', 'xterm'));
  afterEach(() => vi.unstubAllEnvs());

  const openTerminal = (started: TestCore, entries: readonly string[] = []) => {
    const opened = openSession(started);
    const input = new PassThrough();
    const output = new PassThrough();
    let screen = '';
    output.on('data', (chunk: Buffer) => {
      screen += chunk.toString();
    });
    const abort = new AbortController();
    const added: string[] = [];
    const notices: LineNotices = { show: write => write() };
    const running = runInteractive({
      session: opened.session,
      input,
      output,
      history: { entries, add: entry => added.push(entry), close: () => {} },
      notices,
      signal: abort.signal,
    });
    return { ...opened, input, screen: () => screen, output, notices, added, running, abort };
  };

  test('statements over several lines, several on one line, and Ctrl-D', async () => {
    await using started = await startCore();
    const { input, out, screen, running } = openTerminal(started);
    expect(screen()).toContain('osquery> ');
    input.write("SELECT 'o;'\n");
    await expect.poll(screen, PATIENCE).toContain("osquery> SELECT 'o;'\n| ");
    // Pasted lines are taken as they come.
    input.write(", 'ne'\n;\n");
    await expect.poll(out, PATIENCE).toBe('o;|ne\n');
    input.write("SELECT 'two'; SELECT 'three';\n");
    await expect.poll(out, PATIENCE).toBe('o;|ne\ntwo\nthree\n');
    input.write(CTRL_D);
    await running;
  });

  test('earlier lines of a statement can be edited, and it is one entry of the history', async () => {
    await using started = await startCore();
    const { input, out, added, running } = openTerminal(started, ["SELECT 'older';"]);
    input.write("SELECT 'one',\n'two'\n;");
    // To the first line, behind its `SELECT '`.
    input.write('\u001b[A\u001b[A\u001b[H');
    input.write('\u001b[C'.repeat(8));
    input.write('very ');
    input.write('\n');
    await expect.poll(out, PATIENCE).toBe('very one|two\n');
    expect(added).toEqual(["SELECT 'very one',\n'two'\n;"]);
    // Called back as a whole, and run again.
    input.write('\u001b[A');
    input.write('\n');
    await expect.poll(out, PATIENCE).toBe('very one|two\nvery one|two\n');
    // The entry before it is next; its own lines are none.
    input.write('\u001b[A\u001b[A\u001b[A\u001b[A');
    input.write('\n');
    await expect.poll(out, PATIENCE).toBe('very one|two\nvery one|two\nolder\n');
    input.write(CTRL_D);
    await running;
  });

  test('where readline edits one line only, a statement over several lines is asked for line by line', async () => {
    vi.stubEnv('TERM', 'dumb');
    await using started = await startCore();
    const { input, out, screen, added, running } = openTerminal(started);
    input.write("SELECT 'one',\n");
    await expect.poll(screen, PATIENCE).toContain('    ...> ');
    input.write("'two';\n");
    await expect.poll(out, PATIENCE).toBe('one|two\n');
    expect(added).toEqual(["SELECT 'one',\n'two';"]);
    input.write(CTRL_D);
    await running;
  });

  test('.exit ends it', async () => {
    await using started = await startCore();
    const { input, running } = openTerminal(started);
    input.write('.exit\n');
    await running;
  });

  test('Ctrl-C drops the line, then stops a statement', async () => {
    await using started = await startCore();
    const { session, input, out, errors, running } = openTerminal(started);
    input.write('SELECT half');
    input.write(CTRL_C);
    input.write("SELECT 'whole';\n");
    await expect.poll(out, PATIENCE).toBe('whole\n');
    input.write('SELECT\n');
    input.write(CTRL_C);
    input.write("SELECT 'again';\n");
    await expect.poll(out, PATIENCE).toBe('whole\nagain\n');
    input.write('WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c;\n');
    await expect.poll(() => session.busy, PATIENCE).toBe(true);
    input.write(CTRL_C);
    await expect.poll(errors, PATIENCE).toBe('Interrupted.\n');
    input.write("SELECT 'after';\n");
    await expect.poll(out, PATIENCE).toBe('whole\nagain\nafter\n');
    input.write(CTRL_D);
    await running;
  });

  test('completes commands and tables', async () => {
    await using started = await startCore();
    const { input, out, screen, running } = openTerminal(started);
    input.write('.al');
    input.write('\t');
    await expect.poll(screen, PATIENCE).toContain('.all');
    input.write(' osquery_inf');
    input.write('\t');
    await expect.poll(screen, PATIENCE).toContain('osquery_info');
    input.write('\n');
    await expect.poll(out, PATIENCE).toContain('5.23.0');
    input.write(CTRL_D);
    await running;
  });

  test('a notice stands above the line being typed', async () => {
    await using started = await startCore();
    const { input, output, notices, screen, running } = openTerminal(started);
    input.write('SELECT half');
    await expect.poll(screen, PATIENCE).toContain('half');
    notices.show(() => output.write('a notice\n'));
    expect(screen().split('a notice\n')[1]).toContain('osquery> SELECT half');
    input.write(CTRL_C);
    input.write(CTRL_D);
    await running;
  });

  test('ends when told to', async () => {
    await using started = await startCore();
    const { running, abort } = openTerminal(started);
    abort.abort();
    await running;
  });
});

describe('createTextSink', () => {
  test('waits for a slow reader', async () => {
    const release: (() => void)[] = [];
    const slow = new Writable({
      highWaterMark: 4,
      write: (_chunk, _encoding, done) => void release.push(done),
    });
    const sink = createTextSink(slow);
    let written = false;
    const writing = sink.write('more than fits').then(() => {
      written = true;
    });
    await new Promise(resolve => setImmediate(resolve));
    expect(written).toBe(false);
    release.shift()!();
    await writing;
  });

  test('tells that the reader has gone', async () => {
    const stream = new PassThrough();
    const sink = createTextSink(stream);
    await sink.write('x');
    stream.destroy(new Error('EPIPE'));
    await new Promise(resolve => setImmediate(resolve));
    await expect(sink.write('y')).rejects.toThrow(OutputClosedError);
  });
});

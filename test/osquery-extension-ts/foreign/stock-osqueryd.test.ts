/** Against an osqueryd that is installed: `OSQUERYD=/path/to/osqueryd`, or one of PATH. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type ColumnSpec,
  ExtensionManagerClient,
  type RunExtensionOptions,
  runExtension,
  TablePlugin,
} from 'osquery-extension-ts';
import type { WrittenRow } from 'osquery-extension-ts/types';
import { describe, expect, it, onTestFinished } from 'vitest';
import { osquery, whyNotStock } from '../../prove/stock/osquery-programs.ts';
import { unless } from '../../unless.ts';
import { until } from '../support.ts';

const MINUTES = 60_000;

const EXAMPLES = fileURLToPath(new URL('../../../src/osquery-extension-ts/examples/', import.meta.url));

/** How an osqueryd is started, where not with what all have. */
interface StartedOsqueryd {
  readonly schedule?: object;
  /** Programs that it starts itself, from their sources. */
  readonly programs?: readonly string[];
  readonly flags?: Readonly<Record<string, string>>;
  /** Of the programs. `DIRECTORY` in a value is that of the osqueryd. */
  readonly env?: Readonly<Record<string, string>>;
}

/** An osqueryd with a directory of its own. */
const startOsqueryd = async ({ schedule = {}, programs = [], flags: others, env }: StartedOsqueryd = {}) => {
  const directory = mkdtempSync(join(tmpdir(), 'oext-stock-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const at = (name: string): string => join(directory, name);
  mkdirSync(at('log'));
  writeFileSync(at('conf'), JSON.stringify({ schedule }));
  const wrappers = programs.map(program => {
    const name = basename(program, '.ts');
    const path = at(`${name}.ext`);
    // As the README has it.
    const command = `exec ${process.execPath} --conditions=source ${program} "$@" > ${at(`${name}.out`)} 2>&1`;
    writeFileSync(path, `#!/bin/sh\n${command}\n`, { mode: 0o755 });
    return path;
  });
  writeFileSync(at('load'), wrappers.map(path => `${path}\n`).join(''));
  const flags = {
    config_path: at('conf'),
    database_path: at('db'),
    logger_path: at('log'),
    pidfile: at('pid'),
    extensions_socket: at('em'),
    extensions_autoload: at('load'),
    extensions_timeout: '30',
    schedule_splay_percent: '0',
    disable_watchdog: 'true',
    ...others,
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const own = Object.entries(env ?? {}).map(([name, value]) => [name, value.replace('DIRECTORY', directory)]);
  const child = spawn(osquery!.osqueryd, args, {
    stdio: 'ignore',
    env: { ...process.env, ...Object.fromEntries(own) },
  });
  onTestFinished(async () => {
    const ended = child.exitCode !== null || once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  });
  const client = new ExtensionManagerClient({ socketPath: at('em') });
  onTestFinished(() => client.close());
  const works = (sql: string): Promise<boolean> =>
    client.query(sql).then(
      () => true,
      () => false,
    );
  await until(() => works('SELECT 1'));
  /** A file in its directory; empty while it is not there. */
  const read = (name: string): string => (existsSync(at(name)) ? readFileSync(at(name), 'utf8') : '');
  /** Lines of the log of results. */
  const logged = (): {
    readonly name: string;
    readonly action: string;
    readonly columns: Record<string, string>;
  }[] =>
    read('log/osqueryd.results.log')
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line));
  return { client, works, logged, read, directory, socketPath: at('em') };
};

/** Runs an extension with these tables until the test ends, and waits until SQL has them. */
const startTables = async (
  { socketPath, works }: { readonly socketPath: string; readonly works: (sql: string) => Promise<boolean> },
  ...plugins: RunExtensionOptions['plugins']
): Promise<void> => {
  const stop = new AbortController();
  const ended = runExtension({
    name: 'stock',
    version: '1',
    plugins,
    socket: socketPath,
    timeout: 30,
    signal: stop.signal,
  });
  onTestFinished(async () => {
    stop.abort();
    expect((await ended).kind).toBe('signal');
  });
  await until(() => works(`SELECT * FROM ${plugins[0]!.name}`));
};

describe('in a stock osqueryd', unless(whyNotStock), () => {
  it(
    'logs each event once for each scheduled query, of an extension that it starts itself from its source',
    async () => {
      const joined = 'SELECT a.n FROM ticks a JOIN ticks b ON a.eid = b.eid';
      const { works, logged } = await startOsqueryd({
        schedule: {
          plain: { query: 'SELECT n FROM ticks', interval: 1 },
          joined: { query: joined, interval: 2 },
        },
        programs: [fileURLToPath(new URL('ticks.ts', import.meta.url))],
      });
      await until(() => works('SELECT n FROM ticks LIMIT 1'));
      const numbers = (query: string): number[] =>
        logged()
          .filter(({ name }) => name === query)
          .map(({ columns }) => Number(columns.n))
          .sort((a, b) => a - b);
      await until(() => numbers('plain').length > 200 && numbers('joined').length > 200);
      for (const query of ['plain', 'joined']) {
        const found = numbers(query);
        expect(found).toEqual(Array.from(found, (_, index) => index + 1));
      }
      expect(logged().every(({ action }) => action === 'added')).toBe(true);
    },
    3 * MINUTES,
  );

  it(
    'finds rows of an OR, and keeps bytes as they are',
    async () => {
      const { client, works, socketPath } = await startOsqueryd();
      const shelfColumns = [
        { name: 'id', type: 'BIGINT', index: true },
        { name: 'title', type: 'TEXT' },
      ] as const;
      const books = [
        { id: 1, title: 'Dune' },
        { id: 2, title: 'Solaris' },
      ];
      const shelf = new TablePlugin(
        { name: 'shelf', columns: shelfColumns },
        { generate: context => books.filter(({ id }) => context.matches('id', id)) },
      );
      const blobColumns = [{ name: 'data', type: 'BLOB' }] as const;
      const written: WrittenRow<typeof blobColumns>[] = [];
      const blobs = new TablePlugin(
        { name: 'blobs', columns: blobColumns },
        {
          generate: () => written.map(({ data }, index) => ({ rowid: index + 1, data })),
          insert: row => {
            written.push(row);
            return written.length;
          },
        },
      );
      await startTables({ socketPath, works }, shelf, blobs);
      const ids = async (where: string) =>
        (await client.query(`SELECT id FROM shelf WHERE ${where}`)).map(({ id }) => id).sort();
      expect(await ids("id=1 or (id=2 and title='Solaris')")).toEqual(['1', '2']);
      expect(await ids("id='01'")).toEqual(['1']);
      expect(await ids('id=1.0')).toEqual(['1']);
      await client.query("INSERT INTO blobs (data) VALUES (x'ff00fe41')");
      expect(written).toEqual([{ data: Buffer.from('ff00fe41', 'hex') }]);
      // An answer of core ends at the first NUL, though SQL has all of it; and a BLOB is a text there.
      expect(
        await client.query('SELECT hex(data) AS all_of_it, data FROM blobs', { blobs: ['data'] }),
      ).toEqual([{ all_of_it: 'FF00FE41', data: Buffer.of(0xff) }]);
      expect(await client.query("SELECT * FROM blobs WHERE data = x'ff00fe41'")).toEqual([]);
      expect(await client.query("SELECT * FROM blobs WHERE hex(data) = 'FF00FE41'")).toHaveLength(1);
    },
    MINUTES,
  );

  it(
    'is refused what the README says, and nothing else',
    async () => {
      const { client, works, socketPath } = await startOsqueryd();
      const calls: unknown[] = [];
      const writable = <const Columns extends readonly ColumnSpec[]>(name: string, columns: Columns) =>
        new TablePlugin(
          { name, columns, columnAliases: { other: columns[0]!.name } },
          {
            generate: () => [{ rowid: 1 }] as never,
            insert: row => {
              calls.push(row);
              return 2;
            },
            update: (_, row) => void calls.push(row),
          },
        );
      const all = writable('every', [
        { name: 't', type: 'TEXT' },
        { name: 'n', type: 'BIGINT' },
        { name: 'd', type: 'DOUBLE' },
        { name: 'b', type: 'BLOB' },
      ]);
      const strict = writable('strict', [
        { name: 't', type: 'TEXT' },
        { name: 'n', type: 'BIGINT', nullable: false },
      ]);
      await startTables({ socketPath, works }, all, strict);
      const nothing = { t: null, n: null, d: null, b: null };
      /** What the handler was given, or what core said. */
      const run = async (sql: string): Promise<unknown> => {
        calls.length = 0;
        const said = await client.query(sql).then(() => undefined, String);
        return said === undefined ? calls[0] : said.includes('datatype mismatch') ? 'mismatch' : said;
      };
      expect(await run("INSERT INTO every (other) VALUES ('a')")).toBe('mismatch');
      expect(await run("INSERT INTO every (t) VALUES ('a')")).toEqual({ ...nothing, t: 'a' });
      expect(await run('INSERT INTO every (t, n, d, b) VALUES (NULL, NULL, NULL, NULL)')).toEqual(nothing);
      expect(await run('INSERT INTO every (d) VALUES (1)')).toBe('mismatch');
      expect(await run('INSERT INTO every (d) VALUES (1.0)')).toEqual({ ...nothing, d: 1 });
      for (const wrong of [
        "(t) VALUES (x'41')",
        "(b) VALUES ('a')",
        "(n) VALUES ('7')",
        '(n) VALUES (7.5)',
      ]) {
        expect([wrong, await run(`INSERT INTO every ${wrong}`)]).toEqual([wrong, 'mismatch']);
      }
      expect(await run('UPDATE every SET n = 7')).toBe('mismatch');
      // Of a text that is NULL and not set core sends an empty one.
      expect(await run("UPDATE every SET n = 7, b = x'00'")).toEqual({
        ...nothing,
        t: '',
        n: 7,
        b: Buffer.of(0),
      });
      expect(await run('INSERT INTO strict (t, n) VALUES (NULL, NULL)')).toBe('mismatch');
      expect(await run('INSERT INTO strict (t, n) VALUES (NULL, 1)')).toEqual({ t: null, n: 1 });
      expect(await run("UPDATE strict SET other = 'a', n = 1")).toBe('mismatch');
      // Once the alias was read.
      await client.query('SELECT other FROM every JOIN strict USING (other)');
      expect(await run("INSERT INTO every (other) VALUES ('a')")).toEqual({ ...nothing, t: 'a' });
      expect(await run("UPDATE strict SET other = 'a', n = 1")).toEqual({ t: 'a', n: 1 });
    },
    MINUTES,
  );

  it(
    'has every example do what it says',
    async () => {
      const osqueryd = await startOsqueryd({
        programs: ['config', 'logger', 'distributed', 'changes', 'notes', 'shelf'].map(name =>
          join(EXAMPLES, `${name}.ts`),
        ),
        flags: {
          config_plugin: 'from_code',
          logger_plugin: 'to_file',
          disable_distributed: 'false',
          distributed_plugin: 'from_code',
          distributed_interval: '1',
          verbose: 'true',
        },
        env: { LOG_FILE: 'DIRECTORY/logged', WATCHED: 'DIRECTORY/log' },
      });
      const { client, works, read, directory } = osqueryd;
      for (const table of ['shelf', 'notes', 'file_changes']) {
        await until(() => works(`SELECT * FROM ${table} LIMIT 1`));
      }
      await until(async () => (await client.options()).get('host_identifier')?.value === 'hostname');
      const schedule = await client.query('SELECT name FROM osquery_schedule ORDER BY name');
      expect(schedule).toEqual([{ name: 'pack_more_users' }, { name: 'uptime' }]);
      await until(() => read('logged').includes('info: osquery initialized'));
      await until(() => read('distributed.out').includes('users-1: [{"username":"root"}] in '));
      await client.query("INSERT INTO notes (text) VALUES ('first'), ('second')");
      await client.query("UPDATE notes SET text = 'changed' WHERE text = 'first'");
      await client.query("DELETE FROM notes WHERE text = 'second'");
      expect(await client.query('SELECT text FROM notes')).toEqual([{ text: 'changed' }]);
      expect(await client.database.scan('configurations', 'notes.')).toEqual(['notes.1']);
      writeFileSync(join(directory, 'log/new'), '');
      const changed = `SELECT 1 FROM file_changes WHERE path = '${join(directory, 'log/new')}'`;
      await until(async () => (await client.query(changed)).length > 0);
      expect(await client.queryRow('SELECT title FROM shelf WHERE id = 2')).toEqual({ title: 'Solaris' });
      await expect(client.queryRow('SELECT title FROM shelf')).rejects.toMatchObject({
        code: 'OSQUERY_ROW_COUNT',
      });
      // Another source's options stay.
      await client.updateConfig('mine', { options: { custom_mine: 'x' } });
      expect((await client.options()).get('custom_mine')?.value).toBe('x');
    },
    2 * MINUTES,
  );
});

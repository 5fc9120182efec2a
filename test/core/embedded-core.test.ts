import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExtensionManagerClient, type PluginRow, TablePlugin } from 'osquery-extension-ts';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { EmbeddedCore } from '../../src/core/embedded-core.ts';
import { nativeEventTables } from '../../tables/native-event-tables.ts';
import { column, FakeTable, startCore, startExtension } from './support.ts';

const values = async (core: EmbeddedCore, sql: string): Promise<readonly PluginRow[]> =>
  (await core.query(sql)).rows;

const client = (core: EmbeddedCore): ExtensionManagerClient =>
  new ExtensionManagerClient({ socketPath: core.socketPath });

const plain = (
  name: string,
  rows: readonly PluginRow[] = [{ a: '1' }],
  more: readonly PluginRow[] = [],
): FakeTable => new FakeTable(name, [column('a', 'TEXT'), ...more], () => rows);

const alias = (name: string): PluginRow => ({ id: 'alias', alias: name });

const info = (name: string, sdkVersion = '0.0.0') => ({
  name,
  version: '1',
  sdkVersion,
  minSdkVersion: '0.0.0',
});

const routes = (name: string, rows: readonly PluginRow[] = [column('a', 'TEXT')]) =>
  new Map([['table', new Map([[name, rows]])]]);

describe('registration', () => {
  test('gives a uuid, attaches the tables and lists the extension', async () => {
    await using started = await startCore();
    const { core } = started;
    await using extension = await startExtension(core, [plain('mine')], 'my-extension');
    const { uuid } = extension.registration;
    expect(await values(core, 'SELECT a FROM mine')).toEqual([{ a: '1' }]);
    expect(
      await values(core, 'SELECT uuid, name, version, path, type FROM osquery_extensions WHERE uuid <> 0'),
    ).toEqual([
      {
        uuid: String(uuid),
        name: 'my-extension',
        version: '1.0.0',
        path: `${core.socketPath}.${uuid}`,
        type: 'extension',
      },
    ]);
    expect(
      await values(core, "SELECT owner_uuid FROM osquery_registry WHERE registry='table' AND name='mine'"),
    ).toEqual([{ owner_uuid: String(uuid) }]);
  });

  test('refuses a table name that core owns, in the words of 5.23, even if the table is disabled', async () => {
    await using started = await startCore(
      { disable_tables: 'process_events' },
      { nativeTables: nativeEventTables },
    );
    await using manager = client(started.core);
    await expect(manager.registerExtension(info('x'), routes('process_events'))).rejects.toMatchObject({
      status: {
        code: 1,
        message:
          'Failed adding registry: Registry item process_events conflicts with another item of the same name.',
      },
    });
    // Nothing of it is left, so another name of the same extension is accepted.
    await expect(manager.registerExtension(info('x'), routes('other'))).resolves.toBeGreaterThan(0);
  });

  test("takes core's name in another case: the table that SQL finds where core's own is disabled", async () => {
    await using started = await startCore(
      { disable_tables: 'process_events' },
      { nativeTables: nativeEventTables },
    );
    const { core } = started;
    const table = plain(
      'Process_events',
      [{ a: '1', b: '2' }],
      [column('b', 'TEXT', 16), { id: 'attributes', attributes: '4' }],
    );
    {
      await using _extension = await startExtension(core, [table]);
      expect(await values(core, 'SELECT * FROM process_events')).toEqual([{ a: '1' }]);
      const { rows, eventBased } = await core.query('SELECT *, b FROM PROCESS_EVENTS');
      expect(rows).toEqual([{ a: '1', b: '2' }]);
      expect(eventBased).toBe(true);
      expect(
        await values(
          core,
          "SELECT name, owner_uuid > 0 AS ours FROM osquery_registry WHERE name LIKE 'process_events'",
        ),
      ).toEqual([
        { name: 'process_events', ours: '0' },
        { name: 'Process_events', ours: '1' },
      ]);
    }
    await expect(core.query('SELECT * FROM process_events')).rejects.toThrow('no such table: process_events');
    await using _again = await startExtension(core, [table]);
    expect(await values(core, 'SELECT b FROM process_events')).toEqual([{ b: '2' }]);
  });

  test("refuses core's name in another case where core's own table is in SQL", async () => {
    await using started = await startCore({}, { nativeTables: nativeEventTables });
    await using manager = client(started.core);
    await expect(manager.registerExtension(info('x'), routes('Process_events'))).rejects.toMatchObject({
      status: { code: 1, message: expect.stringContaining('Failed adding registry: ') },
    });
    expect(await values(started.core, 'SELECT * FROM process_events')).toEqual([]);
  });

  test("refuses another extension's table name and a name taken twice", async () => {
    await using started = await startCore();
    await using _extension = await startExtension(started.core, [plain('mine')], 'one');
    await using manager = client(started.core);
    await expect(manager.registerExtension(info('two'), routes('mine'))).rejects.toMatchObject({
      status: {
        code: 1,
        message: 'Failed adding registry: Registry item mine conflicts with another item of the same name.',
      },
    });
    await expect(manager.registerExtension(info('one'), routes('other'))).rejects.toMatchObject({
      status: { code: 1, message: 'Duplicate extension registered' },
    });
  });

  test('refuses an old SDK, an unknown registry, a table without columns and one SQLite cannot have', async () => {
    await using started = await startCore();
    await using manager = client(started.core);
    const refused = async (promise: Promise<unknown>): Promise<string> =>
      promise.then(
        () => 'accepted',
        (error: { status: { message: string } }) => error.status.message,
      );
    expect(await refused(manager.registerExtension(info('x', '1.7.6'), routes('a')))).toBe(
      'Incompatible extension SDK version',
    );
    expect(
      await refused(manager.registerExtension(info('x'), new Map([['nonsense', new Map([['a', []]])]]))),
    ).toBe('Failed adding registry: Unknown registry: nonsense');
    expect(await refused(manager.registerExtension(info('x'), routes('a', [])))).toBe(
      'Failed adding registry: Invalid route info',
    );
    expect(await refused(manager.registerExtension(info('x'), routes('select')))).toContain(
      'Failed adding registry: ',
    );
    expect(await refused(manager.registerExtension(info('x'), routes('a; --')))).toContain(
      'expected a table name',
    );
    expect(await refused(manager.registerExtension(info('x', '1.7.7'), routes('a')))).toBe('accepted');
  });

  // Asked of an osqueryd 5.23.1.
  test('takes the versions of SDKs that osqueryd takes', async () => {
    const taken = [
      '',
      '.',
      '0.0.0',
      '1',
      '1.7',
      '1.7.',
      '1.7.7',
      '1.7.7.0',
      '1.8',
      '01.07.07',
      '1..7.7',
      '10',
    ];
    const worded = ['x', '1.x', '1.7.x', '1.7.7-rc1', '1.a.9'];
    const refused = ['0', '0.0', '0.9.9', '-1', '1.6.9', '1.7.6', '1.7.6.9', '1.6a', '1.7.6-rc'];
    await using started = await startCore();
    await using manager = client(started.core);
    for (const version of [...taken, ...worded, ...refused]) {
      const answer = await manager.registerExtension(info('x', version), new Map()).catch(() => undefined);
      expect([version, answer !== undefined]).toEqual([version, !refused.includes(version)]);
      if (answer !== undefined) await manager.deregisterExtension(answer);
    }
  });

  test('leaves a disabled table out of SQL, though its name is taken', async () => {
    await using started = await startCore({ disable_tables: 'mine' });
    await using _extension = await startExtension(started.core, [plain('mine')]);
    await expect(started.core.query('SELECT * FROM mine')).rejects.toThrow('no such table: mine');
    expect(await values(started.core, "SELECT name FROM osquery_registry WHERE name='mine'")).toHaveLength(1);
  });

  test('deregistration takes the tables away', async () => {
    await using started = await startCore();
    const { core } = started;
    {
      await using _extension = await startExtension(core, [plain('mine')]);
      expect(await values(core, 'SELECT * FROM mine')).toHaveLength(1);
    }
    await expect(core.query('SELECT * FROM mine')).rejects.toThrow('no such table: mine');
    await using manager = client(core);
    await expect(manager.deregisterExtension(12)).rejects.toThrow('No extension UUID found');
    await using _again = await startExtension(core, [plain('mine', [{ a: 'again' }])]);
    expect(await values(core, 'SELECT * FROM mine')).toEqual([{ a: 'again' }]);
  });
});

describe('an alias', () => {
  test('is a view of the table, also after a second registration', async () => {
    await using started = await startCore();
    for (const a of ['1', '2']) {
      await using _extension = await startExtension(started.core, [plain('mine', [{ a }], [alias('yours')])]);
      expect(await values(started.core, 'SELECT * FROM yours')).toEqual([{ a }]);
    }
    await expect(started.core.query('SELECT * FROM yours')).rejects.toThrow('no such table: main.mine');
  });

  test("loses silently against core's own table, and answers when that one is disabled", async () => {
    for (const [disable_tables, expected] of [
      ['', []],
      ['process_events', [{ a: '1' }]],
    ] as const) {
      await using started = await startCore({ disable_tables }, { nativeTables: nativeEventTables });
      await using _extension = await startExtension(started.core, [
        plain(
          'audit_process_events',
          [{ a: '1' }],
          [alias('process_events'), { id: 'attributes', attributes: '4' }],
        ),
      ]);
      const { rows, eventBased } = await started.core.query('SELECT * FROM process_events');
      expect(rows).toEqual(expected);
      expect(eventBased).toBe(true);
    }
  });

  test('of a column is a hidden column with the same value', async () => {
    await using started = await startCore();
    const table = new FakeTable(
      't',
      [column('n', 'BIGINT'), { id: 'columnAlias', name: 'm', target: 'n' }],
      () => [{ n: '5' }],
    );
    await using _extension = await startExtension(started.core, [table]);
    expect(await values(started.core, 'SELECT * FROM t')).toEqual([{ n: '5' }]);
    expect(await values(started.core, 'SELECT m + 1 AS next FROM t WHERE m = 5')).toEqual([{ next: '6' }]);
    // The statement reads the alias, the extension is asked for the column.
    expect(JSON.parse(table.requests[1]!.context!)).toMatchObject({ colsUsed: ['n'], colsUsedBitset: 1 });
  });
});

describe('values', () => {
  test('of every type arrive exactly', async () => {
    await using started = await startCore();
    const table = new FakeTable(
      't',
      [
        column('i', 'INTEGER'),
        column('b', 'BIGINT'),
        column('u', 'UNSIGNED BIGINT'),
        column('d', 'DOUBLE'),
        column('t', 'TEXT'),
        column('x', 'BLOB'),
      ],
      () => [
        { i: '-2147483648', b: '-9223372036854775808', u: '9223372036854775807', d: '0.1', t: 'ü', x: 'b' },
        { i: '4294967297', b: '010', u: '18446744073709551615', d: '1e400x', t: '', x: '' },
        { i: '', b: 'x', u: '0x10', d: '' },
      ],
    );
    await using _extension = await startExtension(started.core, [table]);
    expect(await values(started.core, 'SELECT * FROM t')).toEqual([
      { i: '-2147483648', b: '-9223372036854775808', u: '9223372036854775807', d: '0.1', t: 'ü', x: 'b' },
      { i: '1', b: '8', u: '', d: '', t: '', x: '' },
      { i: '', b: '', u: '16', d: '', t: '', x: '' },
    ]);
    expect(
      await values(started.core, 'SELECT typeof(i) AS i, typeof(b) AS b, typeof(x) AS x FROM t'),
    ).toEqual([
      { i: 'integer', b: 'integer', x: 'text' },
      { i: 'integer', b: 'integer', x: 'text' },
      { i: 'null', b: 'null', x: 'null' },
    ]);
  });

  test('of NULL are the flag nullvalue', async () => {
    await using started = await startCore({ nullvalue: '-' });
    expect(await values(started.core, 'SELECT NULL AS n')).toEqual([{ n: '-' }]);
  });
});

describe('the manager socket', () => {
  test('goes with the sockets of extensions that were killed, at the start and at the end', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'stale-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const socketPath = join(directory, 'core.em');
    const leave = (name: string): void => writeFileSync(join(directory, name), '');
    for (const name of ['core.em.4711', 'core.em.log', 'core.em2.7']) leave(name);
    {
      await using started = await startCore({}, { socketPath });
      expect(readdirSync(directory).sort()).toEqual(['core.em', 'core.em.log', 'core.em2.7']);
      await using _ = await startExtension(started.core, [plain('mine')]);
      leave('core.em.4712');
    }
    expect(readdirSync(directory).sort()).toEqual(['core.em.log', 'core.em2.7']);
  });

  test('serves query, columns, options and the list of extensions', async () => {
    await using started = await startCore({ events_max: '5', custom_audit_mode: 'auto' });
    await using extension = await startExtension(started.core, [plain('mine')], 'me');
    const manager = extension.registration.client;
    expect(await manager.ping()).toMatchObject({ code: 0, uuid: 0 });
    expect(await manager.query('SELECT a, 1.0 AS d FROM mine; SELECT 2 AS b')).toEqual([
      { a: '1', d: '1.0' },
      { b: '2' },
    ]);
    await expect(manager.query('SELECT nope')).rejects.toThrow('no such column: nope');
    expect(
      await manager.getQueryColumns("SELECT a, 1 + 1 AS n, CAST(a AS DOUBLE) AS d, 'x' AS s FROM mine"),
    ).toEqual([
      { name: 'a', type: 'TEXT' },
      { name: 'n', type: 'BIGINT' },
      { name: 'd', type: 'DOUBLE' },
      { name: 's', type: 'TEXT' },
    ]);
    const options = await manager.options();
    expect(options.get('events_max')).toEqual({ value: '5', defaultValue: '50000', type: 'uint64' });
    expect(options.get('custom_audit_mode')?.value).toBe('auto');
    expect([...(await manager.extensions()).values()]).toMatchObject([{ name: 'me', version: '1.0.0' }]);
  });

  test('gives the database to extensions', async () => {
    await using started = await startCore();
    await using manager = client(started.core);
    started.database.put('configurations', 'executing_query', 'pack_x');
    const request = { action: 'get', domain: 'configurations', key: 'executing_query' };
    expect(await manager.call('database', '', request)).toEqual([{ v: 'pack_x' }]);
    await manager.call('database', '', { action: 'put', domain: 'queries', key: 'mine.1', value: 'v' });
    expect(
      await manager.call('database', '', { action: 'scan', domain: 'queries', prefix: 'mine.' }),
    ).toEqual([{ k: 'mine.1' }]);
    await expect(manager.call('database', '', { ...request, key: 'nothing' })).rejects.toThrow('NotFound');
  });

  test("passes a call of one extension's plugin on to it", async () => {
    await using started = await startCore();
    await using _extension = await startExtension(started.core, [plain('mine')]);
    await using manager = client(started.core);
    expect(await manager.call('table', 'mine', { action: 'generate', context: '{}' })).toEqual([{ a: '1' }]);
    expect(await manager.call('table', 'osquery_extensions', { action: 'generate' })).toHaveLength(2);
    await expect(manager.call('table', 'nobody', { action: 'generate' })).rejects.toThrow(
      'Cannot call registry item: nobody',
    );
  });

  test('is entered by its user alone', async () => {
    await using started = await startCore();
    expect((await stat(started.core.socketPath)).mode & 0o777).toBe(0o600);
    expect((await stat(started.core.socketPath.replace(/\/[^/]*$/, ''))).mode & 0o777).toBe(0o700);
  });
});

describe('an extension', () => {
  test('may ask core a query while core waits for its rows', async () => {
    await using started = await startCore();
    let manager: ExtensionManagerClient | undefined;
    const nested = new FakeTable('nested', [column('n', 'TEXT')], async () => {
      const [row] = await manager!.query("SELECT count(*) AS n FROM osquery_registry WHERE name = 'nested'");
      return [{ n: row!.n! }];
    });
    await using extension = await startExtension(started.core, [nested]);
    manager = extension.registration.client;
    expect(await values(started.core, 'SELECT n FROM nested')).toEqual([{ n: '1' }]);
  });

  test('that fails makes the statement fail with its message', async () => {
    await using started = await startCore();
    const broken = new FakeTable('broken', [column('a', 'TEXT')], () => {
      throw new Error('out of cheese');
    });
    await using _extension = await startExtension(started.core, [broken]);
    await expect(started.core.query('SELECT * FROM broken')).rejects.toThrow('out of cheese');
    expect(await values(started.core, 'SELECT 1 AS still')).toEqual([{ still: '1' }]);
  });

  test('that is gone keeps its name until core looks again', async () => {
    await using started = await startCore({ extensions_interval: '1', extensions_timeout: '1' });
    const { core } = started;
    await using manager = client(core);
    // Registered and never listening: what an extension that was killed looks like.
    const uuid = await manager.registerExtension(info('dead'), routes('gone'));
    await expect(core.query('SELECT * FROM gone')).rejects.toThrow(
      `Extension socket not available: ${core.socketPath}.${uuid}`,
    );
    await expect(manager.registerExtension(info('dead'), routes('gone'))).rejects.toThrow(
      'Duplicate extension',
    );
    await expect
      .poll(() => manager.registerExtension(info('dead'), routes('gone')).catch(() => uuid), {
        timeout: 15_000,
      })
      .not.toBe(uuid);
    expect(started.log).toContain(`info: Extension UUID ${uuid} has gone away`);
  });

  test('can be written to', async () => {
    await using started = await startCore();
    const notes = new Map<bigint, { k: string | null; n: number | bigint | null }>();
    const columns = [
      { name: 'rowid', type: 'BIGINT', options: { hidden: true } },
      { name: 'k', type: 'TEXT' },
      { name: 'n', type: 'BIGINT' },
    ] as const;
    const table = new TablePlugin(
      { name: 'notes', columns },
      {
        generate: () => [...notes].map(([rowid, { k, n }]) => ({ rowid, k, n })),
        insert: ({ k, n }) => {
          if (k === 'bad') return { kind: 'failure', message: 'no such note' };
          if (k === 'twice') return { kind: 'constraint' };
          const rowid = BigInt(notes.size) + 10n;
          notes.set(rowid, { k, n });
          return { kind: 'success', rowid };
        },
        update: (rowid, { k, n }) => {
          notes.set(rowid, { k, n });
          return { kind: 'success' };
        },
        remove: rowid => {
          notes.delete(rowid);
          return { kind: 'success' };
        },
      },
    );
    await using _extension = await startExtension(started.core, [table, plain('fixed')]);
    const run = (sql: string): Promise<unknown> => started.core.query(sql);
    await run("INSERT INTO notes (k, n) VALUES ('x', 9223372036854775807), (NULL, NULL)");
    expect([...notes]).toEqual([
      [10n, { k: 'x', n: 9223372036854775807n }],
      [11n, { k: null, n: null }],
    ]);
    await run("UPDATE notes SET n = 7 WHERE k = 'x'");
    expect(notes.get(10n)).toEqual({ k: 'x', n: 7 });
    await run('DELETE FROM notes WHERE k IS NULL');
    expect([...notes.keys()]).toEqual([10n]);
    await expect(run("INSERT INTO notes (k) VALUES ('bad')")).rejects.toThrow('no such note');
    await expect(run("INSERT INTO notes (k) VALUES ('twice')")).rejects.toThrow('constraint failed');
    await expect(run("INSERT INTO notes (n) VALUES ('text')")).rejects.toThrow('datatype mismatch');
    await expect(run('DELETE FROM osquery_flags')).rejects.toThrow('may not be modified');
  });
});

describe('SQL', () => {
  test('is limited to what core allows', async () => {
    await using started = await startCore();
    await expect(started.core.query("ATTACH '/tmp/x' AS y")).rejects.toThrow('not authorized');
    await expect(started.core.query('PRAGMA writable_schema=1')).rejects.toThrow('not authorized');
    expect(started.log.filter(line => line.includes('Authorizer denied'))).toHaveLength(2);
    expect(await values(started.core, 'PRAGMA table_info(osquery_extensions)')).toHaveLength(6);
  });

  test('has core’s tables about itself', async () => {
    await using started = await startCore(
      { events_max: '77' },
      { now: () => Date.UTC(2023, 10, 23, 22, 11, 5) },
    );
    const { core } = started;
    expect(
      await values(core, "SELECT value, default_value, type FROM osquery_flags WHERE name='events_max'"),
    ).toEqual([{ value: '77', default_value: '50000', type: 'uint64' }]);
    expect(await values(core, 'SELECT pid, version, extensions FROM osquery_info')).toEqual([
      { pid: String(process.pid), version: '5.23.0', extensions: 'active' },
    ]);
    expect(await values(core, 'SELECT unix_time, iso_8601, timestamp, weekday, date_time FROM time')).toEqual(
      [
        {
          unix_time: '1700777465',
          iso_8601: '2023-11-23T22:11:05Z',
          timestamp: 'Thu Nov 23 22:11:05 2023 UTC',
          weekday: 'Thursday',
          date_time: '2023-11-23T22:11:05Z',
        },
      ],
    );
    expect(await values(core, 'SELECT blacklisted FROM osquery_schedule')).toEqual([]);
    expect(await values(core, 'SELECT * FROM osquery_packs')).toEqual([]);
  });

  test('takes double quotes for text as core’s SQLite does', async () => {
    await using started = await startCore();
    expect(await values(started.core, 'SELECT "text" AS t')).toEqual([{ t: 'text' }]);
  });
});

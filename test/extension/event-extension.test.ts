import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExtensionEnd } from 'osquery-extension-ts';
import { extensionSocketPath } from 'osquery-extension-ts/protocol';
import { describe, expect, test } from 'vitest';
import { runEventExtension } from '../../src/extension/event-extension.ts';
import { OperatorLog } from '../../src/extension/osquery/operator-log.ts';
import { eventTables } from '../../tables/index.ts';
import { FakeCore } from './fake-core.ts';

const fixture = (name: string): string => new URL(`../../fixtures/${name}.log`, import.meta.url).pathname;

/** An extension on recorded events, in this process. */
class Running implements AsyncDisposable {
  readonly core: FakeCore;
  readonly warnings: string[];
  readonly end: Promise<ExtensionEnd>;
  readonly #stop: AbortController;

  private constructor(core: FakeCore, warnings: string[], end: Promise<ExtensionEnd>, stop: AbortController) {
    this.core = core;
    this.warnings = warnings;
    this.end = end;
    this.#stop = stop;
  }

  static async start(
    prepare: (core: FakeCore) => void = () => {},
    replay: readonly string[] = ['exec-script', 'connect-ipv4', 'su'],
  ): Promise<Running> {
    const core = await new FakeCore().listen();
    prepare(core);
    const warnings: string[] = [];
    const stop = new AbortController();
    const end = runEventExtension({
      bridgeKeeper: () => ({ path: '/bin/false', args: [] }),
      name: 'osquery-audit-events',
      version: '0.0.0',
      socket: core.socket,
      timeout: 3,
      interval: 0.15,
      replay: replay.map(fixture),
      overrides: new Map(),
      log: new OperatorLog(line => warnings.push(line)),
      onRaw: () => {},
      signal: stop.signal,
    });
    await Promise.race([core.registered(), end]);
    return new Running(core, warnings, end, stop);
  }

  stop(): void {
    this.#stop.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.end.catch(() => {});
    await this.core.close();
  }
}

const NAMES = ['process_events', 'socket_events', 'user_events'];
/** Off by default: a core of before these tables has none of their names. */
const FURTHER = eventTables.map(({ spec }) => spec.name).filter(name => !NAMES.includes(name));

describe('names', () => {
  test('free names are taken, with the audit_ form as alias', async () => {
    await using running = await Running.start();
    expect(running.core.tables.sort()).toEqual(
      ['audit_losses', 'audit_status', 'process_telemetry_events', ...NAMES, ...FURTHER].sort(),
    );
    const aliases = running.core
      .routes!.get('table')!
      .get('process_events')!
      .filter(row => row.id === 'alias');
    expect(aliases).toEqual([{ id: 'alias', alias: 'audit_process_events' }]);
    expect(running.warnings).toEqual([]);
  });

  test('where core keeps its own tables of the names out of SQL, ours have them in another case, and the audit_ form is a table, too', async () => {
    await using running = await Running.start(core => {
      core.nativeTables = ['time', ...NAMES];
      core.options.set('disable_tables', NAMES.join(','));
    });
    const { core } = running;
    expect(core.tables.sort()).toEqual(
      [
        'Process_events',
        'Socket_events',
        'User_events',
        'audit_losses',
        'audit_process_events',
        'audit_socket_events',
        'audit_status',
        'audit_user_events',
        'process_telemetry_events',
        ...FURTHER,
      ].sort(),
    );
    const tables = core.routes!.get('table')!;
    expect(tables.get('audit_process_events')).toEqual(tables.get('Process_events'));
    expect(tables.get('Process_events')!.filter(({ id }) => id === 'alias')).toEqual([]);
    expect(running.warnings).toEqual([]);
    // One buffer, and one cursor of each query.
    core.schedule = [{ name: 'q', query: 'SELECT eid FROM PROCESS_EVENTS', interval: '60' }];
    core.execute('q', 1);
    const all = await core.generate('Process_events');
    expect(all.length).toBeGreaterThan(2);
    expect(await core.generate('audit_process_events')).toEqual(all);
    core.execute('q', 2);
    expect(await core.generate('Process_events')).toEqual([]);
    expect(await core.generate('audit_process_events')).toEqual([]);
  });

  test('where core has a name in SQL, the audit_ form is the table, and one warning says what is missing', async () => {
    await using running = await Running.start(core => {
      core.nativeTables = ['time', ...NAMES];
      core.options.set('disable_tables', 'curl, user_events');
      core.options.set('logger_plugin', 'filesystem');
    });
    expect(running.core.tables.sort()).toEqual(
      [
        'User_events',
        'audit_losses',
        'audit_process_events',
        'audit_socket_events',
        'audit_status',
        'audit_user_events',
        'process_telemetry_events',
        ...FURTHER,
      ].sort(),
    );
    const aliases = running.core
      .routes!.get('table')!
      .get('audit_process_events')!
      .filter(row => row.id === 'alias');
    expect(aliases).toEqual([{ id: 'alias', alias: 'process_events' }]);
    expect(running.warnings).toHaveLength(1);
    expect(running.warnings[0]).toContain('--disable_tables=curl,user_events,process_events\n');
    // What is switched off is empty by any name.
    expect(running.warnings[0]).not.toContain('socket_events');
    expect(running.core.logged).toEqual(running.warnings.map(line => line.trimEnd()));
  });

  test('where core does not tell which names it has, those of a stock core count as taken', async () => {
    await using running = await Running.start(core => {
      core.disabledTables = ['osquery_registry', 'osquery_schedule'];
      core.options.set('enable_tables', 'time');
    });
    expect(running.core.tables).toContain('audit_process_events');
    expect(running.warnings).toEqual([
      expect.stringMatching(
        /--enable_tables lacks Process_events, .*osquery_schedule: put .* --enable_tables=time,Process_events,User_events,process_telemetry_events,audit_status,osquery_registry,osquery_schedule\n$/,
      ),
    ]);
    const { core } = running;
    core.execute('unknown', 1);
    expect((await core.generate('audit_process_events')).length).toBeGreaterThan(2);
    core.execute('unknown', 2);
    expect(await core.generate('audit_process_events')).toEqual([]);
  });

  test('the audit_ form in --enable_tables is enough, and leads the name itself to the table', async () => {
    await using running = await Running.start(core => {
      core.nativeTables = NAMES;
      core.options.set(
        'enable_tables',
        [...NAMES.map(name => `audit_${name}`), 'process_telemetry_events', 'audit_status'].join(),
      );
    });
    expect(running.warnings).toEqual([expect.stringMatching(/lacks osquery_registry, osquery_schedule:/)]);
    const aliases = running.core
      .routes!.get('table')!
      .get('audit_process_events')!
      .filter(row => row.id === 'alias');
    expect(aliases).toEqual([{ id: 'alias', alias: 'process_events' }]);
  });

  test('tables that --disable_tables takes away although they are needed are named', async () => {
    await using running = await Running.start(core => {
      core.options.set('disable_tables', 'process_events,audit_status,osquery_schedule,curl');
    });
    expect(running.warnings).toEqual([
      expect.stringMatching(
        /--disable_tables hides process_events, audit_status, osquery_schedule: put .* --disable_tables=curl\n$/,
      ),
    ]);
  });

  test('all wrong settings are in one warning', async () => {
    await using running = await Running.start(core => {
      core.options.set('disable_audit', 'false');
      core.options.set('disable_events', 'true');
      core.options.set('enable_numeric_monitoring', 'true');
    });
    expect(running.warnings).toHaveLength(1);
    for (const line of [
      '--disable_audit=true',
      '--disable_events=false',
      '--enable_numeric_monitoring=false',
    ]) {
      expect(running.warnings[0]).toContain(line);
    }
  });
});

describe('scheduled queries', () => {
  const schedule = (core: FakeCore): void => {
    core.schedule = [
      { name: 'pack_a', query: 'SELECT * FROM process_events a, socket_events s', interval: '60' },
      { name: 'pack_b', query: 'SELECT * FROM audit_process_events', interval: '60' },
      { name: 'pack_c', query: 'SELECT * FROM time', interval: '60' },
    ];
    core.options.set('audit_allow_sockets', 'true');
  };

  test('see each row once, however often one execution reads the table', async () => {
    await using running = await Running.start(schedule);
    const { core } = running;
    core.execute('pack_a', 1000);
    const first = await core.generate('process_events');
    expect(first.length).toBeGreaterThan(2);
    expect(await core.generate('process_events')).toEqual(first);
    expect(await core.generate('socket_events')).toHaveLength(4);
    core.execute('pack_a', 1060);
    expect(await core.generate('process_events')).toEqual([]);
    expect(await core.generate('socket_events')).toEqual([]);
    core.execute('pack_b', 1060);
    expect(await core.generate('process_events')).toEqual(first);
    core.endExecution();
    expect(await core.generate('process_events')).toEqual(first);
  });

  test('with a time constraint, or without optimization, see everything', async () => {
    await using running = await Running.start(schedule);
    const { core } = running;
    const timed = { constraints: [{ name: 'time', affinity: 'BIGINT', list: [{ op: 4, expr: '0' }] }] };
    core.execute('pack_b', 1);
    const all = await core.generate('process_events', timed);
    core.execute('pack_b', 2);
    expect(await core.generate('process_events', timed)).toEqual(all);
    core.options.set('events_optimize', 'false');
    await sleep(500);
    core.execute('pack_b', 3);
    await core.generate('process_events');
    core.execute('pack_b', 4);
    expect(await core.generate('process_events')).toEqual(all);
  });

  test('a query that does not read the table is not taken for its reader', async () => {
    await using running = await Running.start(schedule);
    const { core } = running;
    core.execute('pack_c', 1);
    const all = await core.generate('process_events');
    expect(all.length).toBeGreaterThan(0);
    expect(await core.generate('process_events')).toEqual(all);
  });

  test('one that reads the table by way of views is its reader', async () => {
    await using running = await Running.start(core => {
      core.schedule = [{ name: 'pack_v', query: 'SELECT * FROM Shells', interval: '60' }];
      core.database.set('queries/config_views.shells', "SELECT * FROM programs WHERE path LIKE '%sh'");
      core.database.set('queries/config_views.Programs', 'SELECT * FROM process_events');
      core.database.set('queries/config_views.others', 'SELECT * FROM time');
    });
    const { core } = running;
    core.execute('pack_v', 1);
    expect((await core.generate('process_events')).length).toBeGreaterThan(2);
    core.execute('pack_v', 2);
    expect(await core.generate('process_events')).toEqual([]);
  });

  test('one whose SQL has changed to read the table is known at once', async () => {
    await using running = await Running.start(core => {
      core.schedule = [{ name: 'q', query: 'SELECT * FROM time', interval: '60' }];
    });
    const { core } = running;
    core.schedule = [{ name: 'q', query: 'SELECT * FROM process_events', interval: '60' }];
    core.execute('q', 1);
    expect((await core.generate('process_events')).length).toBeGreaterThan(2);
    core.execute('q', 2);
    expect(await core.generate('process_events')).toEqual([]);
  });

  test('one that was just added is known at once', async () => {
    await using running = await Running.start(schedule);
    const { core } = running;
    core.schedule.push({ name: 'new', query: 'select 1 from process_events', interval: '5' });
    core.execute('new', 1);
    const all = await core.generate('process_events');
    core.execute('new', 2);
    expect(all.length).toBeGreaterThan(0);
    expect(await core.generate('process_events')).toEqual([]);
  });
});

describe('while core runs the queries of a tick, and so answers nobody who looks at its schedule,', () => {
  const tick = async (prepare: (core: FakeCore) => void = () => {}): Promise<Running> => {
    const running = await Running.start(prepare);
    // A look is under way, and waits.
    running.core.beginTick();
    await sleep(400);
    return running;
  };

  test('a query that is known is answered', async () => {
    await using running = await tick(core => {
      core.schedule = [{ name: 'q', query: 'SELECT * FROM process_events', interval: '5' }];
    });
    const { core } = running;
    core.execute('q', 1);
    expect((await core.generate('process_events')).length).toBeGreaterThan(2);
    core.execute('q', 2);
    expect(await core.generate('process_events')).toEqual([]);
  });

  test('a query that came with a reload sees each row once, before the schedule is known and after', async () => {
    await using running = await tick();
    const { core } = running;
    core.schedule = [{ name: 'new', query: 'SELECT * FROM process_events', interval: '5' }];
    core.execute('new', 1);
    const all = await core.generate('process_events');
    expect(all.length).toBeGreaterThan(2);
    expect(await core.generate('process_events')).toEqual(all);
    core.execute('new', 2);
    expect(await core.generate('process_events')).toEqual([]);
    core.endExecution();
    core.endTick();
    await sleep(500);
    core.execute('new', 3);
    expect(await core.generate('process_events')).toEqual([]);
  });

  test('the first queries of a core are answered, whose schedule nobody has seen', async () => {
    const core = (fake: FakeCore): void => {
      fake.beginTick();
      fake.schedule = [{ name: 'first', query: 'SELECT * FROM process_events', interval: '5' }];
      fake.options.set('events_expiry', '1');
    };
    await using running = await Running.start(core);
    running.core.execute('first', 1);
    const all = await running.core.generate('process_events');
    expect(all.length).toBeGreaterThan(2);
    running.core.endExecution();
    // Not dropped by somebody else's SELECT: who has to see them is not known yet.
    expect(await running.core.generate('process_events')).toEqual(all);
    running.core.execute('second', 1);
    expect(await running.core.generate('process_events')).toEqual(all);
  });

  test('a distributed query sees everything, beside a query that is not known or does not read the table', async () => {
    await using running = await tick(core => {
      core.schedule = [
        { name: 'slow', query: 'SELECT * FROM time', interval: '5' },
        { name: 'few', query: 'SELECT pid FROM process_events', interval: '5' },
      ];
    });
    const { core } = running;
    core.beginDistributed();
    for (const query of ['slow', 'new']) {
      core.execute(query, 1);
      const all = await core.generate('process_events');
      expect(all.length).toBeGreaterThan(2);
      core.execute(query, 2);
      expect(await core.generate('process_events')).toEqual(all);
    }
    // Nor does one that takes other columns become this query's.
    core.execute('few', 1);
    const path = { colsUsed: ['path'] };
    const all = await core.generate('process_events', path);
    core.execute('few', 2);
    expect(await core.generate('process_events', path)).toEqual(all);
    expect(await core.generate('process_events', { colsUsed: ['pid'] })).toHaveLength(all.length);
    core.execute('few', 3);
    expect(await core.generate('process_events', { colsUsed: ['pid'] })).toEqual([]);
  });

  test('who reads the table beside a query that does not keeps seeing everything', async () => {
    await using running = await Running.start(core => {
      core.schedule = [{ name: 'slow', query: 'SELECT * FROM time', interval: '5' }];
    });
    const { core } = running;
    core.execute('slow', 1);
    const all = await core.generate('process_events');
    expect(all.length).toBeGreaterThan(2);
    // A look has said since that `slow` does not read the table: it has no place in it.
    await sleep(500);
    core.execute('slow', 2);
    expect(await core.generate('process_events')).toEqual(all);
  });

  test('it ends all the same', async () => {
    await using running = await tick();
    running.stop();
    expect(await running.end).toMatchObject({ kind: 'signal' });
  });
});

describe('settings', () => {
  test('of the buffer follow core while it runs', async () => {
    await using running = await Running.start(core => core.options.set('events_max', '100'));
    const { core } = running;
    expect((await core.generate('process_events')).length).toBeGreaterThan(2);
    core.options.set('events_max', '2');
    await sleep(500);
    expect(await core.generate('process_events')).toHaveLength(2);
  });

  test('of the last time are in force while core has no configuration', async () => {
    const LAST = 'configurations/osquery-audit-events.options';
    await using before = await Running.start(core => core.options.set('events_max', '2'));
    await expect.poll(() => before.core.database.get(LAST)).toContain('"events_max","2"');
    const remembered = before.core.database.get(LAST)!;
    await using running = await Running.start(core => {
      core.configValid = false;
      core.database.set(LAST, remembered);
    });
    const { core } = running;
    expect(await core.generate('process_events')).toHaveLength(2);
    await sleep(500);
    expect(core.database.get(LAST)).toBe(remembered);
    core.options.set('events_max', '1');
    core.configValid = true;
    await expect.poll(() => core.generate('process_events')).toHaveLength(1);
    await expect.poll(() => core.database.get(LAST)).toContain('"events_max","1"');
  });

  test.each(['', '{', '{"events_max":"2"}', '[["events_max",2],["no_such","1"],7]'])(
    'that were not remembered well are not taken: %j',
    async text => {
      await using running = await Running.start(core => {
        core.configValid = false;
        core.database.set('configurations/osquery-audit-events.options', text);
      });
      expect((await running.core.generate('process_events')).length).toBeGreaterThan(2);
      expect(running.warnings).toEqual([]);
    },
  );

  test('events_expiry of 1 drops what a SELECT returned, and no more', async () => {
    await using running = await Running.start(
      core => core.options.set('events_expiry', '1'),
      ['exec', 'exec-uid'],
    );
    const { core } = running;
    const one = { constraints: [{ name: 'uid', affinity: 'BIGINT', list: [{ op: 2, expr: '65534' }] }] };
    expect(await core.generate('process_events', one)).toHaveLength(1);
    // The statement may go on.
    expect(await core.generate('process_events', one)).toHaveLength(1);
    await sleep(1_100);
    expect(await core.generate('process_events', one)).toEqual([]);
    expect(await core.generate('process_events')).toHaveLength(1);
    await sleep(1_100);
    expect(await core.generate('process_events')).toEqual([]);
  });

  test('what is wrong with settings that have changed is told once', async () => {
    await using running = await Running.start(core => core.options.set('custom_audit_mode', 'auto'));
    const { core } = running;
    core.options.set('custom_audit_mode', 'multicast');
    core.options.set('events_max', 'many');
    core.options.set('enable_numeric_monitoring', 'true');
    await sleep(700);
    expect(running.warnings).toEqual([
      expect.stringContaining('option events_max: expected'),
      expect.stringContaining('--enable_numeric_monitoring=false'),
    ]);
    core.options.set('custom_audit_mode', 'auto');
    core.options.delete('events_max');
    await sleep(500);
    expect(running.warnings).toHaveLength(2);
  });

  test('a malformed option is a warning and has its default', async () => {
    await using running = await Running.start(core => core.options.set('events_max', 'many'));
    expect(running.warnings).toEqual([expect.stringContaining('events_max')]);
    expect((await running.core.generate('process_events')).length).toBeGreaterThan(2);
  });
});

describe('status', () => {
  test('says what was read and what is buffered', async () => {
    await using running = await Running.start(() => {}, ['exec', 'open-failed']);
    const [row] = await running.core.generate('audit_status');
    expect(row).toMatchObject({
      mode: 'replay',
      events: '1',
      filtered_events: '1',
      records: '11',
      malformed_records: '0',
      rows_buffered: '1',
    });
    expect(row).not.toHaveProperty('owner_pid');
  });

  test('rows that nobody had read when they went are counted', async () => {
    await using running = await Running.start(
      core => core.options.set('events_max', '1'),
      ['exec', 'exec-uid', 'exec-cwd'],
    );
    const [row] = await running.core.generate('audit_status');
    expect(row).toMatchObject({ process_events_evicted_unread: '2', rows_buffered: '1' });
  });

  test('audit_losses says when, why, how many, and what to raise', async () => {
    const before = Math.floor(Date.now() / 1000);
    await using running = await Running.start(
      core => core.options.set('events_max', '1'),
      ['exec', 'exec-uid', 'exec-cwd'],
    );
    const rows = await running.core.generate('audit_losses');
    expect(rows).toEqual([
      expect.objectContaining({
        counter: 'process_events_evicted_unread',
        cause: 'rows dropped before any query had read them',
        lost: '2',
        raise: '--events_max and custom_audit_buffer_bytes, or query more often',
      }),
    ]);
    const { time, since } = rows[0]!;
    expect(Number(since)).toBeGreaterThanOrEqual(before);
    expect(Number(time)).toBeGreaterThanOrEqual(Number(since));
    // Nothing more was lost; another look changes nothing.
    expect(await running.core.generate('audit_losses')).toEqual(rows);
  });
});

describe('the end', () => {
  test('a shutdown by core, leaving no socket behind', async () => {
    await using running = await Running.start();
    const socket = extensionSocketPath(running.core.socket, 4711);
    expect(existsSync(socket)).toBe(true);
    await running.core.shutdownExtension();
    expect(await running.end).toMatchObject({ kind: 'shutdown' });
    expect(existsSync(socket)).toBe(false);
    expect(running.core.routes).toBeUndefined();
  });

  test('a signal', async () => {
    await using running = await Running.start();
    running.stop();
    expect(await running.end).toMatchObject({ kind: 'signal' });
    expect(running.core.routes).toBeUndefined();
  });

  test('core going away', async () => {
    await using running = await Running.start();
    await running.core.close();
    expect(await running.end).toMatchObject({ kind: 'core-lost' });
  });

  test("a replay file that is not there, which core's log tells too", async () => {
    let core: FakeCore | undefined;
    const started = Running.start(
      made => {
        core = made;
        made.options.set('logger_plugin', 'filesystem,tls');
      },
      ['no-such'],
    );
    await expect(started).rejects.toThrow(/no-such\.log.*no such file/);
    const line = expect.stringMatching(/^osquery-audit-events: .*no-such\.log.*no such file/);
    expect(core!.logged).toEqual([line, line]);
  });
});

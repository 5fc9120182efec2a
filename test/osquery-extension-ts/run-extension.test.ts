import { existsSync, writeFileSync } from 'node:fs';
import {
  type ExtensionEnd,
  type OsqueryError,
  type RunExtensionOptions,
  runExtension,
  TablePlugin,
} from 'osquery-extension-ts';
import { ExtensionClient } from 'osquery-extension-ts/server';
import type { Registration } from 'osquery-extension-ts/types';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type FakeCore, socketPath, startFakeCore, startRawServer, until } from './support.ts';

const table = new TablePlugin(
  { name: 't', columns: [{ name: 'a', type: 'TEXT' }] },
  { generate: () => [{ a: 'answer' }] },
);

interface Running {
  readonly end: Promise<ExtensionEnd>;
  readonly registrations: Registration[];
  readonly lost: OsqueryError[];
  readonly stop: (reason?: unknown) => void;
}

function run(socket: string, overrides: Partial<RunExtensionOptions> = {}): Running {
  const stop = new AbortController();
  const registrations: Registration[] = [];
  const lost: OsqueryError[] = [];
  const end = runExtension({
    name: 'mine',
    version: '1.2',
    plugins: [table],
    socket,
    interval: 0.1,
    timeout: 1,
    signal: stop.signal,
    onRegistered: registration => registrations.push(registration),
    onLost: error => lost.push(error),
    ...overrides,
  });
  end.catch(() => {});
  onTestFinished(async () => {
    stop.abort();
    await end.catch(() => {});
  });
  return { end, registrations, lost, stop: reason => stop.abort(reason) };
}

async function registered(running: Running, times = 1): Promise<Registration> {
  await Promise.race([until(() => running.registrations.length === times), running.end]);
  return running.registrations[times - 1]!;
}

const client = (path: string): ExtensionClient => {
  const made = new ExtensionClient({ socketPath: path });
  onTestFinished(() => made.close());
  return made;
};

const count = (core: FakeCore, method: string): number => core.calls.filter(call => call === method).length;

describe('an extension', () => {
  it('registers, serves, watches core, and stops when core asks it to', async () => {
    const core = await startFakeCore();
    const running = run(core.socketPath);
    const { uuid, socketPath: path } = await registered(running);
    expect(path).toBe(`${core.socketPath}.${uuid}`);
    expect(core.registered.get(uuid)).toEqual({
      info: { name: 'mine', version: '1.2', sdkVersion: '0.0.0', minSdkVersion: '0.0.0' },
      routes: new Map([['table', new Map([['t', table.routes()]])]]),
    });
    expect(await client(path).call('table', 't', { action: 'generate' })).toMatchObject([{ a: 'answer' }]);
    await until(() => count(core, 'extensions') >= 3);
    await client(path).shutdown();
    expect(await running.end).toEqual({ kind: 'shutdown' });
    expect(core.registered.size).toBe(0);
    expect(existsSync(path)).toBe(false);
    expect(running.lost).toEqual([]);
  });

  it('stops when its signal fires', async () => {
    const core = await startFakeCore();
    const running = run(core.socketPath);
    const { socketPath: path } = await registered(running);
    running.stop('SIGTERM');
    expect(await running.end).toEqual({ kind: 'signal', reason: 'SIGTERM' });
    expect(core.registered.size).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  it('does not start when its signal has fired before', async () => {
    const core = await startFakeCore();
    expect(await run(core.socketPath, { signal: AbortSignal.abort('early') }).end).toEqual({
      kind: 'signal',
      reason: 'early',
    });
    expect(core.calls).toEqual([]);
  });

  it('leaves core without a trace when its signal fires while it registers', async () => {
    const asked = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const core = await startFakeCore({
      async registerExtension(info, routes) {
        asked.resolve();
        await go.promise;
        core.registered.set(77, { info, routes });
        return 77;
      },
    });
    const running = run(core.socketPath);
    await asked.promise;
    running.stop('SIGTERM');
    go.resolve();
    expect(await running.end).toEqual({ kind: 'signal', reason: 'SIGTERM' });
    expect(core.registered.size).toBe(0);
    expect(existsSync(`${core.socketPath}.77`)).toBe(false);
  });

  it('stops although core never answers the deregistration', async () => {
    const core = await startFakeCore({ deregisterExtension: () => new Promise(() => {}) });
    const running = run(core.socketPath);
    const { socketPath: path } = await registered(running);
    running.stop('SIGTERM');
    expect(await running.end).toEqual({ kind: 'signal', reason: 'SIGTERM' });
    expect(existsSync(path)).toBe(false);
  });

  it('answers core’s calls while it deregisters', async () => {
    const core = await startFakeCore({
      // As a core that finishes a query on the extension's table before it lets it go.
      async deregisterExtension(uuid) {
        const answer = await client(`${core.socketPath}.${uuid}`).call('table', 't', { action: 'generate' });
        expect(answer).toMatchObject([{ a: 'answer' }]);
        core.registered.delete(uuid);
      },
    });
    const running = run(core.socketPath);
    await registered(running);
    running.stop();
    expect((await running.end).kind).toBe('signal');
    expect(core.registered.size).toBe(0);
  });

  it('deregisters although its client waits for a long query', async () => {
    const core = await startFakeCore({ query: () => new Promise(() => {}) });
    const running = run(core.socketPath);
    const registration = await registered(running);
    const query = registration.client
      .query('SELECT sleep(1000000)')
      .catch((error: OsqueryError) => error.code);
    running.stop();
    expect((await running.end).kind).toBe('signal');
    expect(core.registered.size).toBe(0);
    expect(await query).toBe('OSQUERY_CLOSED');
  });
});

describe('an extension’s options', () => {
  it.each<[Partial<Record<keyof RunExtensionOptions, unknown>>, string]>([
    [
      { socket: undefined },
      "runExtension: socket: expected the path of core's socket, as it gives it in --socket, got undefined",
    ],
    [{ name: '' }, 'runExtension: name: expected a text, got ""'],
    [{ version: 1 }, 'runExtension: version: expected a text, got 1'],
    [{ plugins: table }, 'runExtension: plugins: expected a list of plugins, got an object of TablePlugin'],
    [
      { plugins: [{}] },
      'runExtension: plugins: expected plugins, such as a TablePlugin, got an object of Object',
    ],
    [{ timeout: '3' }, 'runExtension: timeout: expected a positive number of seconds, got "3"'],
    [{ interval: 0 }, 'runExtension: interval: expected a positive number of seconds, got 0'],
    [
      { timeoutMs: 3 } as never,
      'runExtension: option timeoutMs does not exist; expected any of name, version, plugins, socket, interval, timeout, ',
    ],
  ])('%o: %s', async (wrong, message) => {
    await expect(run('/nowhere', wrong as never).end).rejects.toThrow(message);
  });
});

describe('an extension that reconnects', () => {
  it('waits for a core that is not there yet, and goes on with the next when one is gone', async () => {
    const path = socketPath();
    const running = run(path, { reconnect: true, timeout: 0.05 });
    await new Promise(resolve => setTimeout(resolve, 300));
    const first = await startFakeCore({}, path);
    await registered(running, 1);
    await first.server.close(0);
    await until(() => running.lost.length > 0);
    const second = await startFakeCore({}, path);
    await registered(running, 2);
    expect(second.registered.size).toBe(1);
    running.stop('enough');
    expect(await running.end).toEqual({ kind: 'signal', reason: 'enough' });
  });

  it('goes on when core, which ends, has asked it to stop', async () => {
    const core = await startFakeCore();
    const running = run(core.socketPath, { reconnect: true });
    const { socketPath: path } = await registered(running, 1);
    await client(path).shutdown();
    await registered(running, 2);
    running.stop();
    expect((await running.end).kind).toBe('signal');
  });
});

describe('a plugin', () => {
  it('is started before the first call and stopped after the last, and has a client of core', async () => {
    const events: string[] = [];
    const core = await startFakeCore({
      registerExtension: info => {
        events.push(`registered ${info.name}`);
        return 7;
      },
      deregisterExtension: () => {
        events.push('deregistered');
      },
      extensions: () => new Map([[7, { name: 'mine', version: '', sdkVersion: '', minSdkVersion: '' }]]),
    });
    const hooked = new TablePlugin(
      { name: 'hooked', columns: [{ name: 'sql', type: 'TEXT' }] },
      {
        start: async context => {
          events.push(`start ${(await context.client.queryRow('SELECT 1')).sql}`);
        },
        stop: () => {
          events.push('stop');
        },
        generate: async (_, call) => (await call.client.query('SELECT 2')).map(row => ({ sql: row.sql })),
      },
    );
    const running = run(core.socketPath, { plugins: [hooked] });
    const { socketPath: path } = await registered(running);
    expect(await client(path).call('table', 'hooked', { action: 'generate' })).toMatchObject([
      { sql: 'SELECT 2' },
    ]);
    running.stop();
    await running.end;
    expect(events).toEqual(['start SELECT 1', 'registered mine', 'deregistered', 'stop']);
  });

  it('that cannot start ends the extension, and those before it are stopped', async () => {
    const events: string[] = [];
    const hooks = (name: string, start: () => void): TablePlugin =>
      new TablePlugin(
        { name, columns: [{ name: 'a', type: 'TEXT' }] },
        { generate: () => [], start, stop: () => void events.push(`stop ${name}`) },
      );
    const core = await startFakeCore();
    const plugins = [
      hooks('first', () => {}),
      hooks('second', () => {
        throw new Error('no such file');
      }),
    ];
    await expect(run(core.socketPath, { plugins }).end).rejects.toThrow('no such file');
    expect(events).toEqual(['stop first']);
    expect(core.calls).not.toContain('registerExtension');
  });
});

describe('an extension that loses its core', () => {
  it('notices a core that is gone', async () => {
    const core = await startFakeCore();
    const running = run(core.socketPath);
    const { socketPath: path } = await registered(running);
    await until(() => count(core, 'extensions') >= 1);
    await core.server.close(0);
    const end = await running.end;
    expect(end).toMatchObject({ kind: 'core-lost', error: { code: expect.stringMatching(/CONNECT/) } });
    expect(running.lost).toEqual([(end as { error: OsqueryError }).error]);
    expect(existsSync(path)).toBe(false);
  });

  it('leaves a core that was started in the place of its own to the instance which that one starts', async () => {
    const path = socketPath();
    const first = await startFakeCore({}, path);
    const running = run(path, { interval: 0.3 });
    await registered(running);
    await until(() => count(first, 'extensions') >= 1);
    await first.server.close(0);
    const second = await startFakeCore({}, path);
    expect(await running.end).toMatchObject({
      kind: 'core-lost',
      error: { code: 'OSQUERY_CONNECTION_LOST', message: `the osquery at ${path} was replaced` },
    });
    expect(count(second, 'registerExtension')).toBe(0);
  });

  it('gives up a core that does not answer three pings', async () => {
    let pings = 0;
    const core = await startFakeCore({
      ping: () => {
        pings += 1;
        return new Promise(() => {});
      },
    });
    const running = run(core.socketPath);
    expect(await running.end).toMatchObject({ kind: 'core-lost', error: { code: 'OSQUERY_TIMEOUT' } });
    expect(pings).toBe(3);
  });

  it('waits for a core that is only slow', async () => {
    let pings = 0;
    const core = await startFakeCore({
      ping: () => {
        pings += 1;
        return pings % 3 === 0 ? undefined : new Promise<void>(() => {});
      },
    });
    const running = run(core.socketPath);
    await registered(running);
    await until(() => pings >= 9);
    running.stop();
    expect((await running.end).kind).toBe('signal');
    expect(count(core, 'registerExtension')).toBe(1);
  });

  it('registers again with a core that has dropped it', async () => {
    const core = await startFakeCore();
    const running = run(core.socketPath);
    const first = await registered(running);
    core.registered.clear();
    const second = await registered(running, 2);
    expect(second.uuid).not.toBe(first.uuid);
    expect(existsSync(first.socketPath)).toBe(false);
    expect(await client(second.socketPath).call('table', 't', { action: 'generate' })).toMatchObject([
      { a: 'answer' },
    ]);
    expect((await second.client.ping()).message).toBe('pong');
    expect([...core.registered.keys()]).toEqual([second.uuid]);
    expect(count(core, 'deregisterExtension')).toBe(0);
  });
});

describe('an extension that cannot register', () => {
  it('waits for a core that is not there yet', async () => {
    const path = socketPath();
    const running = run(path, { timeout: 10 });
    await new Promise(resolve => setTimeout(resolve, 50));
    const core = await startFakeCore({}, path);
    await registered(running);
    expect(core.registered.size).toBe(1);
  });

  it('fails when none comes within the timeout', async () => {
    await expect(run(socketPath(), { timeout: 0.05 }).end).rejects.toThrowError(
      expect.objectContaining({ code: 'OSQUERY_CONNECT' }),
    );
  });

  it('fails when core does not answer', async () => {
    const path = await startRawServer(() => {});
    await expect(run(path, { timeout: 0.05 }).end).rejects.toThrowError(
      expect.objectContaining({ code: 'OSQUERY_TIMEOUT' }),
    );
  });

  const info = { name: 'mine', version: '', sdkVersion: '', minSdkVersion: '' };

  it('tries again while core still has an earlier instance', async () => {
    const core = await startFakeCore();
    core.registered.set(5, { info, routes: new Map() });
    const running = run(core.socketPath, { timeout: 10 });
    await until(() => count(core, 'registerExtension') >= 2);
    core.registered.delete(5);
    const { uuid } = await registered(running);
    expect([...core.registered.keys()]).toEqual([uuid]);
  });

  it('fails with core’s words when the other instance stays', async () => {
    const core = await startFakeCore();
    core.registered.set(5, { info, routes: new Map() });
    await expect(run(core.socketPath, { timeout: 1 }).end).rejects.toThrowError(
      expect.objectContaining({
        code: 'OSQUERY_REGISTRATION_REFUSED',
        message: 'osquery refused to register extension "mine": Duplicate extension registered',
      }),
    );
    expect([...core.registered.keys()]).toEqual([5]);
  });

  it('fails at once when core refuses it for another reason', async () => {
    const core = await startFakeCore({
      registerExtension: () => {
        throw new Error(
          'Failed adding registry: Registry item t conflicts with another item of the same name.',
        );
      },
    });
    await expect(run(core.socketPath).end).rejects.toThrowError(/Registry item t conflicts/);
  });

  it('deregisters when it cannot listen', async () => {
    const core = await startFakeCore({
      registerExtension(info, routes) {
        core.registered.set(9, { info, routes });
        return 9;
      },
    });
    writeFileSync(`${core.socketPath}.9`, '');
    await expect(run(core.socketPath).end).rejects.toThrowError(
      expect.objectContaining({ code: 'OSQUERY_SOCKET_PATH' }),
    );
    expect(core.registered.size).toBe(0);
  });

  it('deregisters when its caller’s callback fails', async () => {
    const core = await startFakeCore();
    const running = run(core.socketPath, {
      onRegistered: () => {
        throw new Error('not ready');
      },
    });
    await expect(running.end).rejects.toThrowError('not ready');
    expect(core.registered.size).toBe(0);
  });

  it.each([
    { interval: 0 },
    { timeout: -1 },
    { interval: Number.NaN },
    { plugins: [table, table] },
    { socket: '' },
  ])('refuses %o', async overrides => {
    const core = await startFakeCore();
    await expect(run(core.socketPath, overrides).end).rejects.toThrowError(
      expect.objectContaining({ code: expect.stringMatching(/OSQUERY_INVALID|OSQUERY_SOCKET_PATH/) }),
    );
    expect(core.calls).toEqual([]);
  });
});

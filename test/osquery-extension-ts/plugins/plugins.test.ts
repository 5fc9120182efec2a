import {
  ConfigPlugin,
  DistributedPlugin,
  LoggerPlugin,
  type OsqueryStatusError,
  type Plugin,
  type PluginRow,
} from 'osquery-extension-ts';
import { ExtensionClient, ExtensionServer } from 'osquery-extension-ts/server';
import type { DistributedResult, StatusLine } from 'osquery-extension-ts/types';
import { describe, expect, it, onTestFinished } from 'vitest';
import { socketPath } from '../support.ts';

/** Calls the plugin as core does: through a server. */
async function callOf(plugin: Plugin): Promise<(request: PluginRow) => Promise<PluginRow[]>> {
  const server = new ExtensionServer({ managerSocketPath: socketPath(), uuid: 1, plugins: [plugin] });
  await server.listen();
  const client = new ExtensionClient({ socketPath: server.socketPath });
  onTestFinished(async () => {
    await client.close();
    await server.close();
  });
  return request => client.call(plugin.registry, plugin.name, request);
}

const codeOf = (call: Promise<unknown>): Promise<number> =>
  call.then(
    () => 0,
    (error: OsqueryStatusError) => error.status.code,
  );

describe('ConfigPlugin', () => {
  it('gives documents and packs as JSON', async () => {
    const call = await callOf(
      new ConfigPlugin('c', {
        sources: () => ({ main: { options: { verbose: true } }, extra: '{"schedule":{}}' }),
        pack: async (name, value) => ({ [name]: value }),
      }),
    );
    expect(await call({ action: 'genConfig' })).toEqual([
      { main: '{"options":{"verbose":true}}', extra: '{"schedule":{}}' },
    ]);
    expect(await call({ action: 'genPack', name: 'p', value: 'v' })).toEqual([{ p: '{"p":"v"}' }]);
    await expect(call({ action: 'genPack', name: 'p' })).rejects.toThrow('genPack without name or value');
    await expect(call({ action: 'update' })).rejects.toThrow(
      'unknown action "update"; expected genConfig or genPack',
    );
  });

  it('says that it has no packs', async () => {
    const call = await callOf(new ConfigPlugin('c', { config: () => ({}) }));
    expect(await call({ action: 'genConfig' })).toEqual([{ c: '{}' }]);
    await expect(call({ action: 'genPack', name: 'p', value: 'v' })).rejects.toThrow('config c has no packs');
  });

  it('does not take one document for several sources', async () => {
    const document = { schedule: { q: { query: 'SELECT 1', interval: 60 } }, options: { verbose: true } };
    const call = await callOf(new ConfigPlugin('mine', { config: () => document }));
    expect(await call({ action: 'genConfig' })).toEqual([{ mine: JSON.stringify(document) }]);
  });

  it.each<[string, unknown, RegExp]>([
    ['no handlers', undefined, /config c: expected handlers \{ config, sources, pack \}, got undefined/],
    ['neither handler', {}, /config c: expected one of the handlers config and sources, got neither/],
    ['both handlers', { config: () => ({}), sources: () => ({}) }, /got both/],
    [
      'a handler that does not exist',
      { config: () => ({}), packs: () => ({}) },
      /handler packs does not exist/,
    ],
  ])('refuses %s', (_, handlers, message) => {
    expect(() => new ConfigPlugin('c', handlers as never)).toThrow(message);
  });

  it.each<[unknown, string]>([
    ['{', 'config c: source c: not JSON'],
    [undefined, 'config c: source c: expected JSON text or an object, got undefined'],
  ])('says that %s is no document', async (document, message) => {
    const call = await callOf(new ConfigPlugin('c', { config: () => document as never }));
    await expect(call({ action: 'genConfig' })).rejects.toThrow(message);
  });
});

describe('LoggerPlugin', () => {
  const log = JSON.stringify([
    {
      s: 1,
      f: 'core.cpp',
      i: 12,
      m: 'look out',
      h: 'host',
      c: 'Mon Jan  1 00:00:00 2024 UTC',
      u: 1704067200,
    },
    { s: 9, m: 'odd' },
    null,
  ]);
  const lines: StatusLine[] = [
    { severity: 'warning', message: 'look out', file: 'core.cpp', line: 12, time: 1704067200, host: 'host' },
    { severity: 'info', message: 'odd', file: '', line: 0, time: 0, host: '' },
  ];

  it('takes everything that core logs', async () => {
    const taken: unknown[] = [];
    const call = await callOf(
      new LoggerPlugin('l', {
        result: (json, category) => void taken.push(['result', json, category]),
        snapshot: json => void taken.push(['snapshot', json]),
        status: async got => void taken.push(['status', got]),
        event: json => void taken.push(['event', json]),
        init: (name, got) => void taken.push(['init', name, got]),
      }),
    );
    await call({ init: 'osqueryd', log });
    await call({ string: '{"name":"q"}', category: 'event' });
    await call({ snapshot: '{"snapshot":[]}' });
    await call({ status: 'true', log });
    await call({ event: '{"e":1}' });
    expect(taken).toEqual([
      ['init', 'osqueryd', lines],
      ['result', '{"name":"q"}', 'event'],
      ['snapshot', '{"snapshot":[]}'],
      ['status', lines],
      ['event', '{"e":1}'],
    ]);
    expect(await codeOf(call({ action: 'features' }))).toBe(3);
    expect(await codeOf(call({ status: 'true', log: '{' }))).toBe(1);
    expect(await codeOf(call({ status: 'true', log: '{}' }))).toBe(1);
  });

  it('takes results alone', async () => {
    const taken: unknown[] = [];
    const call = await callOf(
      new LoggerPlugin('l', { result: (json, category) => void taken.push([json, category]) }),
    );
    await call({ init: 'osqueryd' });
    await call({ string: 'r' });
    await call({ snapshot: 's' });
    expect(taken).toEqual([
      ['r', ''],
      ['s', 'snapshot'],
    ]);
    expect(await codeOf(call({ action: 'features' }))).toBe(0);
    await expect(call({ string_batch: '[]' })).rejects.toThrow('request of string_batch is not supported');
    await expect(call({})).rejects.toThrow('request of nothing is not supported');
  });
});

describe('DistributedPlugin', () => {
  it('gives queries and takes results', async () => {
    let taken: readonly DistributedResult[] = [];
    const call = await callOf(
      new DistributedPlugin('d', {
        queries: () => ({ queries: { a: 'SELECT 1' }, discovery: { a: 'SELECT 2' } }),
        results(results) {
          taken = results;
        },
      }),
    );
    expect(await call({ action: 'getQueries' })).toEqual([
      { results: '{"queries":{"a":"SELECT 1"},"discovery":{"a":"SELECT 2"}}' },
    ]);
    const results = {
      queries: { a: [{ one: '1' }], b: [] },
      statuses: { a: 0, b: '1', c: 2 },
      messages: { a: '', b: 'no such table' },
      stats: { a: { memory: 1 } },
    };
    expect(await call({ action: 'writeResults', results: JSON.stringify(results) })).toEqual([]);
    expect(taken).toEqual([
      { id: 'a', status: 0, message: '', rows: [{ one: '1' }] },
      { id: 'b', status: 1, message: 'no such table', rows: [] },
      { id: 'c', status: 2, message: '', rows: [] },
    ]);
    await call({ action: 'writeResults', results: '[]' });
    expect(taken).toEqual([]);
    await expect(call({ action: 'writeResults' })).rejects.toThrow('results are not JSON');
    await expect(call({ action: 'x' })).rejects.toThrow('unknown action "x"');
  });
});

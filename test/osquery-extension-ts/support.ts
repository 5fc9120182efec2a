import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OsqueryStatusError } from 'osquery-extension-ts';
import { type ExtensionManagerHandlers, ExtensionManagerServer } from 'osquery-extension-ts/server';
import type { ExtensionInfo, ExtensionUuid, OptionInfo, PluginRoutes } from 'osquery-extension-ts/types';
import { onTestFinished } from 'vitest';

/** A path for a socket in a directory of its own, removed after the test. */
export function socketPath(name = 'em'): string {
  const directory = mkdtempSync(join(tmpdir(), 'oext-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, name);
}

/** A core that behaves as osqueryd does towards extensions, over a real socket. */
export interface FakeCore {
  readonly server: ExtensionManagerServer;
  readonly socketPath: string;
  readonly registered: Map<ExtensionUuid, { info: ExtensionInfo; routes: PluginRoutes }>;
  readonly options: Map<string, OptionInfo>;
  readonly calls: string[];
}

export async function startFakeCore(
  overrides: Partial<ExtensionManagerHandlers> = {},
  path = socketPath(),
): Promise<FakeCore> {
  const registered: FakeCore['registered'] = new Map();
  const options: FakeCore['options'] = new Map();
  const calls: string[] = [];
  let uuid = 21_000;
  const handlers: ExtensionManagerHandlers = {
    call(registry, item, request) {
      calls.push('call');
      return [{ ...request, registry, item }];
    },
    extensions() {
      calls.push('extensions');
      return new Map([...registered].map(([id, { info }]) => [id, info]));
    },
    options() {
      calls.push('options');
      return options;
    },
    registerExtension(info, routes) {
      calls.push('registerExtension');
      if ([...registered.values()].some(known => known.info.name === info.name)) {
        throw new OsqueryStatusError({ code: 1, message: 'Duplicate extension registered' });
      }
      uuid += 1;
      registered.set(uuid, { info, routes });
      return uuid;
    },
    deregisterExtension(id) {
      calls.push('deregisterExtension');
      if (!registered.delete(id))
        throw new OsqueryStatusError({ code: 1, message: 'No extension UUID found' });
    },
    query(sql) {
      calls.push('query');
      return [{ sql }];
    },
    getQueryColumns() {
      calls.push('getQueryColumns');
      return [
        { name: 'b', type: 'TEXT' },
        { name: 'a', type: 'BIGINT' },
      ];
    },
    ...overrides,
  };
  const server = new ExtensionManagerServer({ socketPath: path, handlers });
  await server.listen();
  onTestFinished(() => server.close(0));
  return { server, socketPath: path, registered, options, calls };
}

/** A server that answers with raw bytes whatever it is sent: `reply` is given each connection's number and what came. */
export async function startRawServer(
  onConnection: (socket: Socket, number: number) => void,
  path = socketPath(),
): Promise<string> {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    connections += 1;
    onConnection(socket, connections);
  });
  await new Promise<void>(resolve => server.listen(path, resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return path;
}

/** Waits until `condition` holds; the test's own time limit is the limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise(resolve => setTimeout(resolve, 5));
}

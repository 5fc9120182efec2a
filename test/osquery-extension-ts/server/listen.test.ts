import { once } from 'node:events';
import { existsSync, readdirSync, statSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ExtensionClient, ExtensionServer, MAX_SOCKET_PATH_BYTES } from 'osquery-extension-ts/server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { socketPath } from '../support.ts';

function extensionServer(managerSocketPath: string, uuid = 5): ExtensionServer {
  const server = new ExtensionServer({ managerSocketPath, uuid, plugins: [] });
  onTestFinished(() => server.close(0));
  return server;
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe('the socket file of a server', () => {
  it('has the name that core expects and mode 0600, from the moment it exists', async () => {
    const manager = socketPath();
    const seen: number[] = [];
    const watcher = watch(dirname(manager), () => {
      if (existsSync(`${manager}.5`)) seen.push(modeOf(`${manager}.5`));
    });
    onTestFinished(() => watcher.close());
    const umask = process.umask(0);
    onTestFinished(() => {
      process.umask(umask);
    });
    const server = extensionServer(manager);
    await server.listen();
    expect(server.socketPath).toBe(`${manager}.5`);
    expect(modeOf(server.socketPath)).toBe(0o600);
    expect(process.umask()).toBe(0);
    await server.close();
    expect(existsSync(server.socketPath)).toBe(false);
    expect(new Set([...seen, 0o600])).toEqual(new Set([0o600]));
  });

  it('has mode 0600 in a worker thread too', async () => {
    const manager = socketPath();
    const worker = new Worker(new URL('./listen-in-worker.ts', import.meta.url), {
      workerData: manager,
      execArgv: ['--conditions=source'],
    });
    onTestFinished(async () => {
      await worker.terminate();
    });
    expect(await once(worker, 'message')).toEqual(['listening']);
    expect(modeOf(`${manager}.5`)).toBe(0o600);
    await using client = new ExtensionClient({ socketPath: `${manager}.5` });
    expect((await client.ping()).uuid).toBe(5);
    await client.close();
    worker.postMessage('stop');
    expect(await once(worker, 'message')).toEqual(['closed']);
    expect(readdirSync(dirname(manager))).toEqual([]);
  });

  it('replaces one that a dead process has left', async () => {
    const manager = socketPath();
    const left = createServer().listen(`${manager}.5`);
    await once(left, 'listening');
    // Moved away and back, so that closing it does not remove the file.
    const { renameSync } = await import('node:fs');
    renameSync(`${manager}.5`, `${manager}.left`);
    left.close();
    await once(left, 'close');
    renameSync(`${manager}.left`, `${manager}.5`);
    const server = extensionServer(manager);
    await server.listen();
    await using client = new ExtensionClient({ socketPath: server.socketPath });
    expect((await client.ping()).message).toBe('pong');
  });

  it('is not taken from a process that listens there', async () => {
    const manager = socketPath();
    await extensionServer(manager).listen();
    await expect(extensionServer(manager).listen()).rejects.toThrowError(
      expect.objectContaining({
        code: 'OSQUERY_SOCKET_PATH',
        message: `another process listens at ${manager}.5; stop it or choose another path`,
      }),
    );
    await using client = new ExtensionClient({ socketPath: `${manager}.5` });
    expect((await client.ping()).message).toBe('pong');
  });

  it.each([
    ['a file', (path: string) => writeFileSync(path, 'precious')],
    ['a symbolic link', (path: string) => symlinkSync('/nowhere', path)],
  ])('does not replace %s', async (_, make) => {
    const manager = socketPath();
    make(`${manager}.5`);
    await expect(extensionServer(manager).listen()).rejects.toThrowError(/is not a socket/);
    expect(readdirSync(dirname(manager))).toEqual(['em.5']);
  });

  it('may have a path as long as the kernel holds and no longer', async () => {
    const manager = socketPath();
    const room = MAX_SOCKET_PATH_BYTES - Buffer.byteLength(`${manager}.5`);
    const longest = extensionServer(`${manager}${'x'.repeat(room)}`);
    await longest.listen();
    expect(existsSync(longest.socketPath)).toBe(true);
    await using client = new ExtensionClient({ socketPath: longest.socketPath });
    expect((await client.ping()).message).toBe('pong');

    const longer = extensionServer(`${manager}${'x'.repeat(room + 1)}`);
    await expect(longer.listen()).rejects.toThrowError(
      `socket path has ${MAX_SOCKET_PATH_BYTES + 1} bytes, at most ${MAX_SOCKET_PATH_BYTES} are possible`,
    );
  });

  it('cannot be in a directory that does not exist', async () => {
    await expect(extensionServer(`${socketPath()}/deeper/em`).listen()).rejects.toThrowError(
      expect.objectContaining({ code: 'OSQUERY_SOCKET_PATH' }),
    );
  });

  it('is gone after close, also when close comes before listen is done', async () => {
    const manager = socketPath();
    const server = extensionServer(manager);
    const listening = server.listen();
    await Promise.all([server.close(), server.close()]);
    await listening;
    expect(existsSync(server.socketPath)).toBe(false);
    await expect(extensionServer(manager).close()).resolves.toBeUndefined();
    await expect(server.listen()).rejects.toThrowError(expect.objectContaining({ code: 'OSQUERY_CLOSED' }));
  });
});

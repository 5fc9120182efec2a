import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExtensionClient, ExtensionServer } from 'osquery-extension-ts/server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Clients } from '../../../src/extension/osquery/clients.ts';
import { unless, whyNotLinux, whyNotRoot } from '../../unless.ts';

describe('clients', unless(whyNotLinux), () => {
  const serve = async (): Promise<{ server: ExtensionServer; refused: string[] }> => {
    const directory = mkdtempSync(join(tmpdir(), 'peers-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const refused: string[] = [];
    const clients = new Clients();
    const server = new ExtensionServer({
      managerSocketPath: join(directory, 'em'),
      uuid: 1,
      plugins: [],
      refusePeer: fd => {
        const why = clients.refuse(fd);
        if (why !== undefined) refused.push(why);
        return why;
      },
    });
    await server.listen();
    onTestFinished(() => server.close(0));
    return { server, refused };
  };

  it('serves this user', async () => {
    const { server, refused } = await serve();
    await using client = new ExtensionClient({ socketPath: server.socketPath });
    expect((await client.ping()).message).toBe('pong');
    expect(refused).toEqual([]);
  });

  it('refuses others, also where somebody has opened the socket to all', unless(whyNotRoot), async () => {
    const { server, refused } = await serve();
    chmodSync(join(server.socketPath, '..'), 0o755);
    chmodSync(server.socketPath, 0o666);
    const program = `use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0);
      connect($s, pack_sockaddr_un($ARGV[0])) or die $!; exit(sysread($s, my $answer, 1) ? 1 : 0);`;
    const child = spawn('/usr/bin/perl', ['-e', program, server.socketPath], { uid: 65_534 });
    expect((await once(child, 'exit'))[0]).toBe(0);
    expect(refused).toEqual([
      `a process of another user connected to the extension's socket, and was refused: pid ${child.pid}, uid 65534`,
    ]);
  });

  it('refuses whom it cannot ask', () => {
    expect(new Clients().refuse(-1)).toMatch(/process that connected .* is not known/);
  });
});

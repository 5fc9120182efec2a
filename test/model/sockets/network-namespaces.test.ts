import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { unless, whyNotLinux, whyNotRoot } from '../../unless.ts';
import { lookUp, now } from './look-up.ts';
import { socketEvent } from './socket-events.ts';

it(
  'finds each its own where another network namespace has the same connection',
  unless(whyNotRoot ?? whyNotLinux),
  async () => {
    const port = 47_123;
    const local = 47_124;
    const program = `
      const { connect, createServer } = require('node:net');
      const server = createServer(client => {
        const done = () => console.log(JSON.stringify({ pid: process.pid, fd: socket._handle.fd, server: server._handle.fd, client: client._handle.fd }));
        socket.readyState === 'open' ? done() : socket.once('connect', done);
      });
      let socket;
      server.listen(${port}, '127.0.0.1', () => { socket = connect({ port: ${port}, host: '127.0.0.1', localPort: ${local} }); });
      process.stdin.resume().on('end', () => process.exit());`;
    const start = async (namespace: boolean) => {
      const node = [process.execPath, '-e', program];
      const child = namespace
        ? spawn('unshare', ['-n', 'sh', '-c', 'ip link set lo up; exec "$@"', '', ...node], {
            stdio: ['pipe', 'pipe', 'inherit'],
          })
        : spawn(node[0]!, node.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      return {
        child,
        ...(JSON.parse(line.toString()) as { pid: number; fd: number; server: number; client: number }),
      };
    };
    const all = [await start(true), await start(true), await start(false)];
    try {
      const events = all.flatMap(({ pid, fd, server, client }) => [
        socketEvent({ ...now(), pid, fd, remote: { address: '127.0.0.1', port } }),
        socketEvent({
          ...now(),
          pid,
          action: 'accept',
          fd: server,
          exit: client,
          family: undefined,
          remote: undefined,
        }),
      ]);
      const { found } = await lookUp(...events);
      expect(found.toSorted((a, b) => a.eid - b.eid)).toMatchObject(
        all.flatMap((_each, i) => [
          { eid: 2 * i, protocol: 6, localAddress: '127.0.0.1', localPort: local },
          { eid: 2 * i + 1, family: 2, localPort: port, remoteAddress: '127.0.0.1', remotePort: local },
        ]),
      );
    } finally {
      for (const { child } of all) child.stdin!.end();
      await Promise.all(all.map(({ child }) => once(child, 'exit')));
    }
  },
);

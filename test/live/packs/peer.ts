import { createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Listens for shells, which it ends, and for HTTP clients, to which it gives a script that does nothing. */
export const startPeer = async (): Promise<{ readonly server: Server; readonly port: number }> => {
  const server = createServer(socket => {
    socket.on('error', () => {});
    // Whoever says nothing first is a shell. Its prompt may come before, or not at all.
    const goodBye = setTimeout(() => socket.end('exit\n'), 100);
    socket.once('data', data => {
      if (!data.toString('latin1').startsWith('GET ')) return;
      clearTimeout(goodBye);
      socket.end('HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\ntrue\n');
    });
  });
  await new Promise<void>(resolve => server.listen(0, '0.0.0.0', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('expected a TCP port');
  return { server, port: address.port };
};

/** An address of this host other than loopback; undefined if it has none. */
export const ownAddress = (): string | undefined =>
  Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

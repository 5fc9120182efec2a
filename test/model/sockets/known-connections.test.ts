import { describe, expect, it } from 'vitest';
import { KnownConnections } from '../../../src/model/sockets/known-connections.ts';
import type { DiagSocket } from '../../../src/model/sockets/sock-diag.ts';
import type { SocketQuestion } from '../../../src/model/sockets/socket-question.ts';

const remote = { address: '192.0.2.1', port: 443 };
const question = { action: 'connect', family: 2, remote } as SocketQuestion;

/** A socket as it is listed; `closedMs` only of closed ones. */
const listed = (port: number, closedMs?: number): DiagSocket => {
  const id = Buffer.alloc(48);
  id.writeUInt16BE(port, 0);
  const local = { address: '192.0.2.9', port };
  return { family: 2, protocol: 6, state: 1, local, remote, inode: 0, id, closedMs };
};
const guessed = (connections: KnownConnections): number[] =>
  connections.guess(question, undefined).map(id => Buffer.from(id).readUInt16BE(0));

describe('KnownConnections', () => {
  it('guesses the ports behind that of the connection that was closed last', () => {
    const connections = new KnownConnections();
    connections.addOthers(question, [listed(40_000, 100), listed(50_000, 59_996), listed(60_000, 2_000)]);
    expect(guessed(connections).slice(0, 3)).toEqual([50_002, 50_004, 50_006]);
    expect(guessed(connections)).toHaveLength(32);
  });

  it('takes of those that were closed at once the one with the highest port', () => {
    const connections = new KnownConnections();
    connections.addOthers(question, [listed(50_006, 60_000), listed(50_010, 60_000), listed(50_008, 60_000)]);
    expect(guessed(connections)[0]).toBe(50_012);
  });

  it('where none is closed, guesses behind each sequence of ports in turn', () => {
    const connections = new KnownConnections();
    connections.addOthers(question, [listed(40_000), listed(40_004), listed(50_000)]);
    expect(guessed(connections).slice(0, 4)).toEqual([40_006, 50_002, 40_008, 50_004]);
  });

  it('knows nothing of other places', () => {
    const connections = new KnownConnections();
    connections.addOthers(question, [{ ...listed(40_000, 5), remote: { address: '192.0.2.2', port: 443 } }]);
    expect(guessed(connections)).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import type { SocketEvent } from '../../../src/audit/audit-event.ts';
import { type SocketQuestion, socketQuestion } from '../../../src/model/sockets/socket-question.ts';
import { socketEvent } from './socket-events.ts';

describe('socketQuestion', () => {
  it.each<[string, Partial<SocketEvent>, Partial<SocketQuestion>]>([
    ['a connect', {}, { action: 'connect', fd: 3, isUnderWay: false }],
    ['a connect under way', { outcome: 'in_progress', exit: -115 }, { fd: 3, isUnderWay: true }],
    [
      'a connect that a signal interrupted',
      { outcome: 'in_progress', exit: -4 },
      { fd: 3, isUnderWay: false },
    ],
    [
      'an accept, whose connection is what it returned',
      { action: 'accept', exit: 9 },
      { fd: 9, listener: 3 },
    ],
    [
      'an accept whose program did not ask for the address',
      { action: 'accept', exit: 9, family: undefined, remote: undefined },
      { fd: 9, listener: 3, family: undefined },
    ],
    [
      'a bind to any port',
      { action: 'bind', local: { address: '0.0.0.0', port: 0 }, remote: undefined },
      { action: 'bind', fd: 3 },
    ],
    ['IPv6', { family: 10, remote: { address: '::1', port: 443 } }, { family: 10 }],
  ])('is of %s', (_what, facts, expected) => {
    expect(socketQuestion(socketEvent(facts))).toMatchObject({ pid: 100, ...expected });
  });

  it.each<[string, Partial<SocketEvent>]>([
    [
      'a bind to a port that is told',
      { action: 'bind', local: { address: '0.0.0.0', port: 80 }, remote: undefined },
    ],
    ['a UNIX socket', { family: 1, remote: undefined }],
    ['an accept on a UNIX socket', { action: 'accept', exit: 9, family: 1, remote: undefined }],
    ['a failed connect', { outcome: 'failed', exit: -111 }],
    ['an accept without a client', { action: 'accept', outcome: 'no_client', exit: -11, remote: undefined }],
    ['a connect that ends a connection', { remote: { address: '0.0.0.0', port: 0 } }],
    ['what io_uring did, by a descriptor that nobody tells', { fd: undefined, exit: undefined }],
  ])('is not of %s', (_what, facts) => {
    expect(socketQuestion(socketEvent(facts))).toBeUndefined();
  });
});

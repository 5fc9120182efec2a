import { describe, expect, it } from 'vitest';
import type { UserEvent } from '../../src/audit/audit-event.ts';
import { userEvents } from '../../tables/user_events.ts';
import { contextWith, EVERYTHING, ORIGIN, rowOf, settingsWith } from './table-rows.ts';

const MESSAGE =
  'op=PAM:authentication acct="alice" exe="/usr/bin/su" hostname=host addr=192.0.2.1 terminal=pts/0 res=failed';
const EVENT: UserEvent = {
  kind: 'user',
  ...ORIGIN,
  type: 1100,
  pid: 100,
  uid: 1,
  auid: 1000,
  ses: 9,
  message: MESSAGE,
  path: '/usr/bin/su',
  address: '192.0.2.1',
  terminal: 'pts/0',
  acct: 'alice',
  hostname: 'host',
  op: 'PAM:authentication',
  res: 'failed',
};

describe('user_events', () => {
  it('has every column', () => {
    expect(rowOf(userEvents, EVENT, contextWith(EVERYTHING, { uptime: 3_600 }))).toEqual({
      uid: '1',
      auid: '1000',
      pid: '100',
      message: MESSAGE,
      type: '1100',
      path: '/usr/bin/su',
      address: '192.0.2.1',
      terminal: 'pts/0',
      time: '1795474704',
      uptime: '3600',
      eid: '0000000001',
      acct: 'alice',
      hostname: 'host',
      res: 'failed',
      op: 'PAM:authentication',
    });
  });

  it('has NULL for what was not recorded', () => {
    const bare: UserEvent = {
      ...EVENT,
      pid: undefined,
      uid: undefined,
      auid: undefined,
      ses: undefined,
      message: '',
      path: undefined,
      address: undefined,
      terminal: undefined,
      acct: undefined,
      hostname: undefined,
      op: undefined,
      res: undefined,
    };
    expect(rowOf(userEvents, bare, contextWith(EVERYTHING))).toEqual({
      message: '',
      type: '1100',
      time: '1795474704',
      eid: '0000000001',
    });
  });

  it('is switched by its flag', () => {
    const off = settingsWith({ user_events: false });
    expect(rowOf(userEvents, EVENT, contextWith(off))).toBeUndefined();
    expect(userEvents.subscribes(off)).toBeUndefined();
    expect(userEvents.subscribes(settingsWith())).toEqual({ userMessages: true });
  });
});

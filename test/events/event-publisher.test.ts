import type { ColumnSpec, PluginRow } from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { describe, expect, it } from 'vitest';
import type { AuditEvent, UserEvent } from '../../src/audit/audit-event.ts';
import { EventPublisher, interestsOf } from '../../src/events/event-publisher.ts';
import type { EventTable } from '../../src/events/event-table.ts';
import { eventTablesOn } from '../../tables/index.ts';
import { contextWith, EVERYTHING, settingsWith } from '../tables/table-rows.ts';
import { columns } from './event-rows.ts';

const event = (pid: number | undefined, seconds = 100): UserEvent => ({
  kind: 'user',
  seconds,
  milliseconds: 0,
  serial: 1,
  type: 1100,
  pid,
  uid: 0,
  auid: 0,
  ses: 1,
  message: 'x',
  path: undefined,
  address: undefined,
  terminal: undefined,
  acct: undefined,
  hostname: undefined,
  op: undefined,
  res: undefined,
});

/** A table of user events whose rows have just the pid; it leaves out pid 0. */
const table = (name: string, kind: 'user' | 'process' = 'user'): EventTable =>
  ({
    spec: { name, columns: columns as readonly ColumnSpec[] },
    kind,
    subscribes: () => undefined,
    toRow: ({ pid }: UserEvent) => (pid === 0 ? undefined : { pid }),
  }) as unknown as EventTable;

const taken = (publisher: EventPublisher): Record<string, PluginRow[]> =>
  Object.fromEntries(
    publisher
      .take()
      .map(({ table, batch }) => [table, decodeRows({ count: batch.ends.length, chunks: [batch.bytes] })]),
  );

describe('EventPublisher', () => {
  it('hands each event to the tables of its kind', () => {
    const publisher = new EventPublisher(
      [table('a'), table('b'), table('c', 'process')],
      contextWith(EVERYTHING),
    );
    publisher.publish(event(5));
    publisher.publish(event(6));
    const rows = [
      { pid: '5', eid: '0000000001', rowid: '1' },
      { pid: '6', eid: '0000000002', rowid: '2' },
    ];
    expect(taken(publisher)).toEqual({ a: rows, b: rows });
    expect(publisher.counters).toEqual({ published: 2, filtered: 0, unencodable: 0 });
    expect(publisher.take()).toEqual([]);
  });

  it('goes on numbering where it is told to', () => {
    const publisher = new EventPublisher(
      [table('a'), table('b')],
      contextWith(EVERYTHING),
      new Map([['b', 7]]),
    );
    publisher.publish(event(5));
    expect(taken(publisher)).toEqual({
      a: [{ pid: '5', eid: '0000000001', rowid: '1' }],
      b: [{ pid: '5', eid: '0000000007', rowid: '7' }],
    });
  });

  it('gives each row the time of its event', () => {
    const publisher = new EventPublisher([table('a')], contextWith(EVERYTHING));
    publisher.publish(event(5, 123));
    publisher.publish(event(5, 120));
    expect(Array.from(publisher.take()[0]!.batch.times)).toEqual([123, 120]);
  });

  it('counts events that every table leaves out', () => {
    const publisher = new EventPublisher([table('a')], contextWith(EVERYTHING));
    publisher.publish(event(0));
    publisher.publish({ ...event(1), kind: 'socket' } as unknown as AuditEvent);
    expect(publisher.counters).toEqual({ published: 0, filtered: 2, unencodable: 0 });
  });

  it('counts a row that cannot be encoded, as that alone, and numbers the next without a hole', () => {
    const publisher = new EventPublisher([table('a')], contextWith(EVERYTHING));
    publisher.publish(event(0.5));
    publisher.publish(event(6));
    expect(taken(publisher)).toEqual({ a: [{ pid: '6', eid: '0000000001', rowid: '1' }] });
    expect(publisher.counters).toEqual({ published: 1, filtered: 0, unencodable: 1 });
  });

  it('follows a change of settings', () => {
    const [users] = eventTablesOn('linux').filter(({ kind }) => kind === 'user');
    const publisher = new EventPublisher([users!], contextWith(EVERYTHING));
    publisher.publish(event(5));
    publisher.setSettings(settingsWith({ user_events: false }));
    publisher.publish(event(6));
    publisher.setSettings(EVERYTHING);
    publisher.publish(event(7));
    expect(taken(publisher).user_events!.map(({ pid }) => pid)).toEqual(['5', '7']);
    expect(publisher.counters).toEqual({ published: 2, filtered: 1, unencodable: 0 });
  });
});

describe('interestsOf', () => {
  const interests = (flags: Record<string, boolean>) => {
    const { syscalls, userMessages } = interestsOf(eventTablesOn('linux'), settingsWith(flags));
    return { syscalls: [...syscalls].sort(), userMessages };
  };

  it('is what the tables that are switched on need together', () => {
    expect(interests({})).toEqual({ syscalls: ['execve', 'execveat'], userMessages: true });
    expect(interests({ sockets: true, user_events: false })).toEqual({
      syscalls: [
        'accept',
        'accept4',
        'bind',
        'connect',
        'execve',
        'execveat',
        'prctl',
        'sendmmsg',
        'sendmsg',
        'sendto',
      ],
      userMessages: false,
    });
    expect(interests({ process_events: false, user_events: false })).toEqual({
      syscalls: [],
      userMessages: false,
    });
  });
});

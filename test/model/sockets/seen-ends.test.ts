import { describe, expect, test } from 'vitest';
import type { SocketEvent } from '../../../src/audit/audit-event.ts';
import { type OwnConnection, SeenEnds } from '../../../src/model/sockets/seen-ends.ts';
import { encodeSocketRecord, type SocketRecordFields } from '../../bpf/encode-socket-record.ts';
import { socketEvent } from './socket-events.ts';

const STAMP = 1_700_000_000_004;
const HERE = '127.0.0.1';

/** Programs that tell what a test says, with a clock of its own. */
class Told {
  wall = STAMP + 50;
  clock = 1_000;
  losses = 7;
  #waiting: Buffer[] = [];
  readonly ends: SeenEnds;

  constructor(own?: OwnConnection) {
    // What began before the programs were there is not told.
    this.wall = STAMP - 1_000;
    this.ends = new SeenEnds({
      drain: onRecord => {
        for (const record of this.#waiting) onRecord(record, 0, record.length);
        this.#waiting = [];
      },
      losses: () => this.losses,
      wallMs: () => this.wall,
      monotonicMs: () => this.clock,
      own,
    });
    this.wall = STAMP + 50;
  }

  tell(fields: Partial<SocketRecordFields> = {}): void {
    this.#waiting.push(encodeSocketRecord({ stampMs: STAMP, kind: 'connect', ...fields }));
  }

  /** The local ports of events that are complete at once. */
  ports(...events: readonly SocketEvent[]): (number | undefined)[] {
    return this.ends.complete(events, 0).map(({ local }) => local?.port);
  }
}

const event = (facts: Partial<SocketEvent> = {}): SocketEvent =>
  socketEvent({
    seconds: Math.floor(STAMP / 1000),
    milliseconds: STAMP % 1000,
    action: 'connect',
    pid: 100,
    fd: 5,
    family: 2,
    remote: { address: HERE, port: 443 },
    local: undefined,
    outcome: 'succeeded',
    exit: 0,
    ...facts,
  });

describe('ends that BPF programs tell', () => {
  test('a connect: protocol and own end', () => {
    const told = new Told();
    told.tell();
    expect(told.ends.complete([event()], 0)).toEqual([
      { ...event(), protocol: 6, local: { address: HERE, port: 40_000 } },
    ]);
    expect(told.ends.counters).toEqual({ found: 1, lost: 0 });
  });

  test('IPv6, and an address of IPv4 in it', () => {
    const told = new Told();
    const mapped = [...new Array(10).fill(0), 0xff, 0xff, 127, 0, 0, 1];
    told.tell({ local: mapped, remote: mapped });
    const address = '::ffff:127.0.0.1';
    const [completed] = told.ends.complete([event({ family: 10, remote: { address, port: 443 } })], 0);
    expect(completed).toMatchObject({ local: { address, port: 40_000 } });
  });

  test.each([
    ['another process', { pid: 101 }],
    ['another descriptor', { fd: 6 }],
    ['another time', { stampMs: STAMP + 1 }],
    ['another port', { remotePort: 444 }],
    ['another address', { kind: 'connected', remote: [127, 0, 0, 2] }],
    ['another kind of call', { kind: 'accept' }],
    ['a call that audit does not follow', { inCall: 0 }],
    ['a descriptor that is not known', { fd: -1 }],
    ['no own port', { localPort: 0 }],
    ['another result', { kind: 'connect', result: -115 }],
  ] as const)('not %s', (_, fields) => {
    const told = new Told();
    told.tell(fields);
    expect(told.ports(event(), event({ milliseconds: 5 }))[0]).toBeUndefined();
  });

  test('a record that is cut off is no record', () => {
    const told = new Told();
    const whole = encodeSocketRecord({ stampMs: STAMP });
    for (let length = 0; length < whole.length; length++) {
      const ends = new SeenEnds({
        drain: onRecord => onRecord(whole.subarray(0, length), 0, length),
        losses: () => 0,
        wallMs: () => STAMP - 1_000,
        monotonicMs: () => told.clock,
      });
      expect(ends.complete([event()], 0)).toEqual([event()]);
    }
  });

  test('a failed call has none', () => {
    const told = new Told();
    told.tell();
    expect(told.ports(event({ outcome: 'failed', exit: -111 }))).toEqual([undefined]);
  });

  test('calls within one tick, on one descriptor to one end: by their order', () => {
    const told = new Told();
    for (const localPort of [1, 2, 3]) told.tell({ localPort });
    expect(told.ports(event(), event())).toEqual([1, 2]);
    told.tell({ localPort: 4 });
    expect(told.ports(event(), event())).toEqual([3, 4]);
  });

  test('more events than records: none', () => {
    const told = new Told();
    told.tell({ localPort: 1 });
    expect(told.ports(event(), event())).toEqual([undefined, undefined]);
    // One of the two may have been a connect of UDP; the next record may be the late one of the other.
    told.tell({ localPort: 2 });
    expect(told.ports(event())).toEqual([undefined]);
  });

  test('a fresh record waits until a competing event would be here', () => {
    const told = new Told();
    told.tell({ kind: 'connected' });
    const first = event();
    expect(told.ends.complete([first], 0)).toEqual([first]);
    expect(told.ends.hold(first, 17)).toBe(true);
    expect(told.ends.waitMs).toBeGreaterThan(0);
    expect(told.ends.take()).toEqual([]);
    told.clock += 101;
    expect(told.ends.take()).toEqual([
      {
        eid: 17,
        family: undefined,
        protocol: 6,
        localAddress: HERE,
        localPort: 40_000,
        remoteAddress: undefined,
        remotePort: undefined,
      },
    ]);
    expect(told.ends.waitMs).toBeUndefined();
  });

  test('the record of the TCP connection that follows a UDP connect goes to neither', () => {
    const told = new Told();
    told.tell({ kind: 'connected' });
    const [udp, tcp] = [event(), event()];
    expect(told.ports(udp)).toEqual([undefined]);
    expect(told.ends.hold(udp, 1)).toBe(true);
    expect(told.ports(tcp)).toEqual([undefined]);
    expect(told.ends.hold(tcp, 2)).toBe(false);
    told.clock += 101;
    expect(told.ends.take()).toEqual([]);
  });

  test('a row that is not made holds nothing', () => {
    const told = new Told();
    told.tell({ kind: 'connected' });
    told.ends.complete([event()], 0);
    told.clock += 101;
    expect(told.ends.take()).toEqual([]);
    expect(told.ends.waitMs).toBeUndefined();
  });

  test('a later call with the descriptor shows that no competing event can come', () => {
    const told = new Told();
    told.tell({ kind: 'connected' });
    expect(told.ports(event(), event({ milliseconds: 5 }))).toEqual([40_000, undefined]);
    // Within one tick it shows nothing.
    const other = new Told();
    other.tell({ kind: 'connected' });
    const bind = event({ action: 'bind', local: { address: HERE, port: 0 }, remote: undefined });
    expect(other.ports(event(), bind)).toEqual([undefined, 0]);
  });

  test('the record of the connection that follows one that is still being made goes to neither', () => {
    const told = new Told();
    told.tell({ kind: 'connected' });
    const first = event({ outcome: 'in_progress', exit: -115 });
    expect(told.ports(first)).toEqual([undefined]);
    expect(told.ends.hold(first, 1)).toBe(true);
    expect(told.ports(event())).toEqual([undefined]);
    told.clock += 101;
    expect(told.ends.take()).toEqual([]);
  });

  test('programs that see every call: results, a signal, other protocols, an end that was replaced', () => {
    const told = new Told();
    const fresh = { kind: 'connect' } as const;
    told.tell({ ...fresh, result: -115, localPort: 1 });
    told.tell({ ...fresh, result: -512, localPort: 2, fd: 6 });
    told.tell({ ...fresh, protocol: 17, localPort: 3, fd: 7 });
    told.tell({ ...fresh, localPort: 4, fd: 8, remote: [10, 0, 0, 1] });
    expect(
      told.ports(
        event({ outcome: 'in_progress', exit: -115 }),
        event({ outcome: 'in_progress', exit: -4, fd: 6 }),
        event({ fd: 7 }),
        event({ fd: 8 }),
      ),
    ).toEqual([1, 2, 3, 4]);
  });

  test('a connect to no address reaches this host', () => {
    const told = new Told();
    told.tell();
    expect(told.ports(event({ remote: { address: '0.0.0.0', port: 443 } }))).toEqual([40_000]);
  });

  test('an accept that did not ask for the address, and one that did', () => {
    const told = new Told();
    told.tell({ kind: 'accept', fd: 9, localPort: 80, remotePort: 5_000, remote: [10, 0, 0, 1] });
    told.tell({ kind: 'accept', fd: 10, localPort: 80, remotePort: 5_001 });
    const accept = { action: 'accept', fd: 3 } as const;
    const completed = told.ends.complete(
      [
        event({ ...accept, exit: 9, family: undefined, remote: undefined }),
        event({ ...accept, exit: 10, remote: { address: HERE, port: 5_001 } }),
      ],
      0,
    );
    expect(completed).toMatchObject([
      {
        family: 2,
        protocol: 6,
        local: { address: HERE, port: 80 },
        remote: { address: '10.0.0.1', port: 5_000 },
      },
      { family: 2, protocol: 6, local: { address: HERE, port: 80 }, remote: { address: HERE, port: 5_001 } },
    ]);
  });

  test('a bind to any port, at the address that it names', () => {
    const told = new Told();
    told.tell({ kind: 'bind', localPort: 8_080, local: [0, 0, 0, 0], remotePort: 0 });
    const bind = event({ action: 'bind', local: { address: '0.0.0.0', port: 0 }, remote: undefined });
    expect(told.ends.complete([bind], 0)).toMatchObject([
      { protocol: 6, local: { address: '0.0.0.0', port: 8_080 } },
    ]);
  });

  test('around a loss of records nothing is told, and later again', () => {
    const told = new Told();
    told.tell({ localPort: 1 });
    told.losses++;
    expect(told.ports(event())).toEqual([undefined]);
    expect(told.ends.counters.lost).toBe(1);
    told.tell({ localPort: 2 });
    expect(told.ports(event())).toEqual([undefined]);
    const later = STAMP + 1_000;
    told.wall = later + 50;
    told.tell({ localPort: 3, stampMs: later });
    expect(told.ports(event({ seconds: later / 1000 - 0.004, milliseconds: 4 }))).toEqual([3]);
  });

  test('around a loss of events nothing is told', () => {
    const told = new Told();
    told.tell();
    expect(told.ends.complete([event()], 1)).toEqual([event()]);
  });

  test('what was begun before the programs were there is not told', () => {
    const told = new Told();
    told.tell({ stampMs: STAMP - 2_000 });
    expect(told.ports(event({ seconds: Math.floor(STAMP / 1000) - 2 }))).toEqual([undefined]);
  });

  test('the connection of the self-test has no event, all others have', () => {
    const own = { pid: 100, localPort: 40_000, remotePort: 443, madeMs: STAMP };
    const told = new Told(own);
    const others = [
      event({ pid: 101 }),
      event({ remote: { address: HERE, port: 444 } }),
      event({ seconds: Math.floor(STAMP / 1000) + 60 }),
      event({ action: 'accept', exit: 7 }),
    ];
    expect(told.ends.complete([event(), ...others], 0)).toEqual(others);
  });

  test('records without events are dropped after a while, and the oldest if they are many', () => {
    const told = new Told();
    told.tell({ pid: 1 });
    told.ends.drain();
    told.wall += 60_000;
    told.ends.drain();
    expect(told.ports(event({ pid: 1 }))).toEqual([undefined]);
    told.wall = STAMP + 50;
    for (let pid = 1; pid <= 40_000; pid++) told.tell({ pid });
    expect(told.ports(event({ pid: 1 }), event({ pid: 39_999 }), event({ pid: 40_000 }))).toEqual([
      undefined,
      40_000,
      40_000,
    ]);
  });
});

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { AuditStream, BATCH, SLOT_BYTES } from '../../src/audit/stream.ts';

const AF_NETLINK = 16;
const NETLINK_AUDIT = 9;
const EAGAIN = 11;
const EINTR = 4;
const EPERM = 1;
const ENOBUFS = 105;
const MSG_TRUNC = 0x20;

interface Datagram {
  readonly bytes: Uint8Array;
  /** Port of the sender: the kernel's is 0. */
  readonly port?: number;
}

/** The C library as far as the stream uses it: memory by address, one socket with a queue. */
const { fake } = vi.hoisted(() => ({
  fake: {
    memory: [] as Uint8Array[],
    queue: [] as (Datagram | number)[],
    calls: [] as unknown[][],
    results: new Map<string, number>(),
    /** SO_MEMINFO, of which the last word is what the kernel dropped. */
    meminfo: [0, 0, 0, 0, 0, 0, 0, 0, 0],
    errno: 0,
  },
}));

vi.mock('../../src/runtime/socket-calls.ts', async original => {
  const constants = await original<typeof import('../../src/runtime/socket-calls.ts')>();
  const call =
    (name: string) =>
    (...parameters: unknown[]): number => {
      fake.calls.push([name, ...parameters]);
      return fake.results.get(name) ?? 0;
    };
  /** An address is the number of the buffer and the offset in it. */
  const at = (address: bigint): Buffer => {
    const buffer = fake.memory[Number(address >> 32n)]!;
    return Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength).subarray(
      Number(address & 0xffffffffn),
    );
  };
  return {
    ...constants,
    socket: call('socket'),
    bind: call('bind'),
    connect: call('connect'),
    close: call('close'),
    setsockopt: call('setsockopt'),
    sendto: call('sendto'),
    socketOption: (_fd: number, option: number, words: number): Uint32Array | undefined => {
      fake.calls.push(['socketOption', option]);
      expect(fake.meminfo).toHaveLength(words);
      return fake.results.get('socketOption') === -1 ? undefined : Uint32Array.from(fake.meminfo);
    },
    errno: () => fake.errno,
    addressOf: (bytes: Uint8Array) => {
      fake.memory.push(bytes);
      return BigInt(fake.memory.length - 1) << 32n;
    },
    waitReadable: (...parameters: unknown[]): boolean => {
      fake.calls.push(['poll', ...parameters]);
      return fake.queue.length > 0;
    },
    recvmmsg: (_fd: number, headers: Buffer, count: number, flags: number): number => {
      fake.calls.push(['recvmmsg', count, flags]);
      let received = 0;
      for (; received < count && fake.queue.length > 0; received++) {
        const datagram = fake.queue[0]!;
        if (typeof datagram === 'number') {
          // As the kernel does: an error is told alone.
          if (received > 0) break;
          fake.queue.shift();
          fake.errno = datagram;
          return -1;
        }
        fake.queue.shift();
        const header = headers.subarray(received * 64, received * 64 + 64);
        const name = at(header.readBigUInt64LE(0));
        const iovec = at(header.readBigUInt64LE(16));
        if (header.readUInt32LE(8) < 12) throw new Error('no room for the address of the sender');
        const length = Number(iovec.readBigUInt64LE(8));
        at(iovec.readBigUInt64LE(0)).set(datagram.bytes.subarray(0, length));
        name.writeUInt16LE(16, 0);
        name.writeUInt32LE(datagram.port ?? 0, 4);
        // The kernel writes the length of the address back.
        header.writeUInt32LE(datagram.port === undefined ? 12 : 0, 8);
        header.writeUInt32LE(datagram.bytes.length > length ? 0x20 : 0, 48);
        header.writeUInt32LE(Math.min(datagram.bytes.length, length), 56);
      }
      if (received > 0) return received;
      fake.errno = 11;
      return -1;
    },
  };
});

beforeEach(() => {
  fake.memory.length = 0;
  fake.queue.length = 0;
  fake.calls.length = 0;
  fake.results.clear();
  fake.errno = 0;
});

/** A unicast record: nlmsg_len counts the payload only. */
const datagram = (type: number, payload: string, port?: number): Datagram => {
  const bytes = Buffer.alloc(16 + Buffer.byteLength(payload));
  bytes.writeUInt32LE(Buffer.byteLength(payload), 0);
  bytes.writeUInt16LE(type, 4);
  bytes.write(payload, 16);
  return { bytes, ...(port === undefined ? {} : { port }) };
};
const open = (): AuditStream => AuditStream.open('unicast', 1024);
const receive = (stream: AuditStream): [received: number, records: [number, string][]] => {
  const records: [number, string][] = [];
  const received = stream.receive((type, bytes, start, end) =>
    records.push([type, bytes.toString('latin1', start, end)]),
  );
  return [received, records];
};
const named = (name: string): unknown[][] => fake.calls.filter(([call]) => call === name);

describe('AuditStream.receive', () => {
  it('hands out what waits, in order, with the length that came', () => {
    fake.queue.push(datagram(1300, 'audit(1.1:1): a'), datagram(1320, 'audit(1.1:1): '), datagram(1305, ''));
    expect(receive(open())).toEqual([
      3,
      [
        [1300, 'audit(1.1:1): a'],
        [1320, 'audit(1.1:1): '],
        [1305, ''],
      ],
    ]);
  });

  it('takes no more than a batch at once, and goes on with the next', () => {
    const stream = open();
    for (let i = 0; i < BATCH + 3; i++) fake.queue.push(datagram(1300, `record ${i}`));
    const [first, records] = receive(stream);
    expect(first).toBe(BATCH);
    expect(records).toHaveLength(BATCH);
    expect(records.at(-1)).toEqual([1300, `record ${BATCH - 1}`]);
    expect(receive(stream)).toEqual([3, [0, 1, 2].map(i => [1300, `record ${BATCH + i}`])]);
    expect(receive(stream)).toEqual([0, []]);
  });

  it('never waits', () => {
    receive(open());
    expect(named('recvmmsg')).toEqual([['recvmmsg', BATCH, 0x40]]);
  });

  it('drops records that are not from the kernel, and counts them', () => {
    const stream = open();
    fake.queue.push(datagram(1300, 'forged', 4242), datagram(1300, 'true'), { bytes: Buffer.alloc(15) });
    expect(receive(stream)).toEqual([3, [[1300, 'true']]]);
    expect(stream.counters).toEqual({ overruns: 0, dropped: 0, truncated: 0, foreign: 2 });
    // Its header is as good as new afterwards.
    fake.queue.push(datagram(1300, 'next'));
    expect(receive(stream)).toEqual([1, [[1300, 'next']]]);
  });

  it('takes a record that fills its slot, drops one that is longer, and counts it', () => {
    const stream = open();
    const longest = 'x'.repeat(SLOT_BYTES - 16);
    fake.queue.push(datagram(1309, longest), datagram(1309, `${longest}y`), datagram(1320, 'z'));
    expect(receive(stream)).toEqual([
      3,
      [
        [1309, longest],
        [1320, 'z'],
      ],
    ]);
    expect(stream.counters).toEqual({ overruns: 0, dropped: 0, truncated: 1, foreign: 0 });
    expect(MSG_TRUNC).toBe(0x20);
  });

  it('counts an overrun and asks to be called again', () => {
    const stream = open();
    fake.queue.push(ENOBUFS, datagram(1300, 'after'));
    expect(receive(stream)).toEqual([BATCH, []]);
    expect(receive(stream)).toEqual([1, [[1300, 'after']]]);
    expect(stream.counters.overruns).toBe(1);
  });

  it('asks the kernel how much of the multicast copy it dropped, and remembers it after close', () => {
    fake.meminfo = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    const unicast = open();
    expect(unicast.counters.dropped).toBe(0);
    expect(named('socketOption')).toEqual([]);
    const stream = AuditStream.open('multicast', 1024);
    expect(stream.counters.dropped).toBe(9);
    expect(named('socketOption')).toEqual([['socketOption', 55]]);
    fake.results.set('socketOption', -1);
    fake.meminfo[8] = 10;
    expect(stream.counters.dropped).toBe(9);
    stream.close();
    expect(stream.counters.dropped).toBe(9);
  });

  it.each([EAGAIN, EINTR])('has nothing at errno %i', errno => {
    fake.queue.push(errno);
    expect(receive(open())).toEqual([0, []]);
  });

  it('says any other error', () => {
    fake.queue.push(9);
    expect(() => receive(open())).toThrow(/receiving audit records failed: EBADF/);
  });

  it('has nothing after close', () => {
    const stream = open();
    fake.queue.push(datagram(1300, 'x'));
    stream.close();
    stream.close();
    expect(receive(stream)).toEqual([0, []]);
    expect(named('close')).toHaveLength(1);
  });
});

describe('AuditStream.open', () => {
  it('binds a port of its own for the unicast stream', () => {
    AuditStream.open('unicast', 0x2000000);
    expect(named('socket')).toEqual([['socket', AF_NETLINK, 3 | 0o2000000, NETLINK_AUDIT]]);
    const [[, , address]] = named('bind') as [[string, number, Uint8Array]];
    expect(Buffer.from(address)).toEqual(Buffer.from([AF_NETLINK, ...new Array(11).fill(0)]));
    // Connected to the kernel, it takes nothing from anybody else.
    expect(named('connect').map(([, fd, to]) => [fd, Buffer.from(to as Uint8Array)])).toEqual([
      [0, Buffer.from(address)],
    ]);
    expect(named('setsockopt').map(([, , level, option]) => [level, option])).toEqual([[1, 33]]);
    expect(Buffer.from(named('setsockopt')[0]![4] as Uint8Array).readUInt32LE()).toBe(0x2000000);
  });

  it('joins the group for the copy', () => {
    AuditStream.open('multicast', 1024);
    const joined = named('setsockopt').at(-1)!;
    expect(joined.slice(2, 4)).toEqual([270, 1]);
    expect(Buffer.from(joined[4] as Uint8Array).readUInt32LE()).toBe(1);
  });

  it('asks for a smaller buffer where it may not force one', () => {
    fake.results.set('setsockopt', -1);
    AuditStream.open('unicast', 1024);
    expect(named('setsockopt').map(([, , level, option]) => [level, option])).toEqual([
      [1, 33],
      [1, 8],
    ]);
  });

  it.each([
    ['socket', 'unicast', 93, 'no-audit', /opening the audit socket: EPROTONOSUPPORT/],
    ['socket', 'unicast', EPERM, 'no-permission', /opening the audit socket: not permitted.*run as root/],
    ['bind', 'unicast', EPERM, 'no-permission', /binding the audit socket/],
    ['connect', 'unicast', EPERM, 'no-permission', /connecting the audit socket/],
    ['setsockopt', 'multicast', EPERM, 'no-permission', /joining the audit multicast group/],
  ] as const)('says why %s failed in %s mode: errno %i', (name, mode, errno, code, message) => {
    fake.results.set(name, -1);
    fake.errno = errno;
    let error: unknown;
    try {
      AuditStream.open(mode, 1024);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code, errno, message: expect.stringMatching(message) });
    expect(named('close')).toHaveLength(name === 'socket' ? 0 : 1);
  });
});

describe('AuditStream.own', () => {
  it('sends AUDIT_SET pid on the stream’s own socket, to the kernel, and asks for an answer', () => {
    open().own(1234);
    const [[, , message, length, , address]] = named('sendto') as [
      [string, number, Buffer, number, number, Uint8Array],
    ];
    expect(length).toBe(message.length);
    expect(message.readUInt32LE(0)).toBe(message.length);
    expect(message.readUInt16LE(4)).toBe(1001);
    expect(message.readUInt16LE(6)).toBe(0x1 | 0x4);
    expect([message.readUInt32LE(16), message.readUInt32LE(16 + 12)]).toEqual([4, 1234]);
    expect(Buffer.from(address)).toEqual(Buffer.from([AF_NETLINK, ...new Array(11).fill(0)]));
  });

  it('says why it could not be sent', () => {
    const stream = open();
    fake.results.set('sendto', -1);
    fake.errno = EPERM;
    expect(() => stream.own(1)).toThrow(/asking for the audit stream: not permitted/);
  });
});

describe('AuditStream.wait', () => {
  it('waits for its own socket', () => {
    const stream = open();
    expect(stream.wait(200)).toBe(false);
    expect(named('poll')).toEqual([['poll', 0, 200]]);
    fake.queue.push(datagram(1300, 'x'));
    expect(stream.wait(200)).toBe(true);
  });
});

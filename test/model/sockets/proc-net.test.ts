import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseProcNet, parseProcNetUnix } from '../../../src/model/sockets/proc-net.ts';

const TCP4 = { family: 2, protocol: 6 } as const;
const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const line = (local: string, remote: string, state: string, inode: number | string): string =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0000000000000000 20 4 30 10 -1`;
const text = (...lines: string[]): Buffer => Buffer.from([HEAD, ...lines, ''].join('\n'));

describe('parseProcNet', () => {
  it('reads both ends, state and inode of the sockets that are asked for', () => {
    const bytes = text(
      line('0100007F:1F90', '00000000:0000', '0A', 11),
      line('0302010A:C350', '0402010A:01BB', '01', 12),
      line('0302010A:C351', '0402010A:01BB', '06', 0),
    );
    expect(parseProcNet(bytes, TCP4, new Set([11, 12]), true)).toEqual([
      {
        ...TCP4,
        state: 10,
        local: { address: '127.0.0.1', port: 8080 },
        remote: { address: '0.0.0.0', port: 0 },
        inode: 11,
      },
      {
        ...TCP4,
        state: 1,
        local: { address: '10.1.2.3', port: 50_000 },
        remote: { address: '10.1.2.4', port: 443 },
        inode: 12,
      },
    ]);
    expect(parseProcNet(bytes, TCP4, new Set([13]), true)).toEqual([]);
  });

  it('reads IPv6, and the words of a host that writes the other way round', () => {
    const six = text(
      line('0000000000000000FFFF00000100007F:0016', 'B80D0120000000000000000001000000:0050', '01', 7),
    );
    expect(parseProcNet(six, { family: 10, protocol: 6 }, new Set([7]), true)).toMatchObject([
      { local: { address: '::ffff:127.0.0.1', port: 22 }, remote: { address: '2001:db8::1', port: 80 } },
    ]);
    const big = text(line('7F000001:1F90', '00000000:0000', '0A', 11));
    expect(parseProcNet(big, TCP4, new Set([11]), false)).toMatchObject([
      { local: { address: '127.0.0.1' } },
    ]);
  });

  it('leaves out lines that are cut off, of another family, or damaged, and reads those beside them', () => {
    const good = line('0100007F:1F90', '00000000:0000', '0A', 11);
    const bytes = text(
      line('0100007G:1F90', '00000000:0000', '0A', 11),
      line('0100007F', '00000000:0000', '0A', 11),
      line('0100007F:1F90F', '00000000:0000', '0A', 11),
      'x',
      good,
    );
    expect(parseProcNet(bytes, TCP4, new Set([11]), true)).toHaveLength(1);
    const whole = text(good);
    for (let length = 0; length < whole.length; length++)
      expect(parseProcNet(whole.subarray(0, length), TCP4, new Set([11]), true)).toEqual([]);
  });

  it('takes any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), bytes => {
        parseProcNet(Buffer.concat([Buffer.from(`${HEAD}\n`), bytes]), TCP4, new Set([0]));
        parseProcNetUnix(bytes, new Set([0]));
      }),
    );
  });
});

describe('parseProcNetUnix', () => {
  it('tells which inodes are those of UNIX sockets', () => {
    const bytes = Buffer.from(
      [
        'Num       RefCount Protocol Flags    Type St Inode Path',
        '0000000000000000: 00000002 00000000 00010000 0001 01 15051 /run/a b',
        '0000000000000000: 00000003 00000000 00000000 0001 03 15052',
        '0000000000000000: 00000003 00000000 00000000 0001 03 150',
      ].join('\n'),
    );
    expect(parseProcNetUnix(bytes, new Set([15_051, 15_052, 150, 7]))).toEqual(new Set([15_051, 15_052]));
  });
});

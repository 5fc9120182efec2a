import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMountId, parseMountinfo } from '../../../src/model/procfs/mountinfo.ts';

const text = `24 27 0:6 / /dev rw,relatime - devtmpfs devtmpfs rw,size=12334492k
36 35 98:0 /mnt1 /mnt/with\\040space rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=continue
55 27 0:49 / /merged rw shared:2 - overlay overlay rw,lowerdir=/l
`;

describe('parseMountinfo', () => {
  it('reads device, place and type, with any number of optional fields', () => {
    expect(parseMountinfo(Buffer.from(text))).toEqual([
      { id: 24, major: 0, minor: 6, mountPoint: '/dev', type: 'devtmpfs', options: expect.any(String) },
      {
        id: 36,
        major: 98,
        minor: 0,
        mountPoint: '/mnt/with space',
        type: 'ext3',
        options: expect.any(String),
      },
      {
        id: 55,
        major: 0,
        minor: 49,
        mountPoint: '/merged',
        type: 'overlay',
        options: expect.stringContaining('rw'),
      },
    ]);
  });

  it('reads every line the kernel writes about this process', () => {
    const own = readFileSync('/proc/self/mountinfo', 'latin1');
    const mounts = parseMountinfo(Buffer.from(own));
    expect(mounts).toHaveLength(own.split('\n').length - 1);
    const proc = mounts.find(({ mountPoint }) => mountPoint === '/proc')!;
    expect(proc.minor).toBe(statSync('/proc').dev & 0xff);
  });

  it('never takes a cut line for a whole one', () => {
    const whole = parseMountinfo(Buffer.from(text));
    for (let length = 0; length < text.length; length++) {
      const cut = parseMountinfo(Buffer.from(text).subarray(0, length));
      expect(whole.slice(0, cut.length)).toEqual(cut);
    }
  });

  it('takes any bytes without throwing', () => {
    const pieces = fc.array(fc.constantFrom('1', ' ', '0:1', '/', '-', 'x', '\n', '\\040'), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(pieces, parts => {
        parseMountinfo(Buffer.from(parts.join('')));
      }),
    );
  });
});

describe('parseMountId', () => {
  it('finds the mount of an open file', () => {
    expect(parseMountId(Buffer.from('pos:\t0\nflags:\t0100000\nmnt_id:\t24\nino:\t3\n'))).toBe(24);
    expect(parseMountId(Buffer.from('pos:\t0\nmnt_id:\t2'))).toBeUndefined();
    expect(parseMountId(Buffer.from(''))).toBeUndefined();
  });

  it('agrees with mountinfo', () => {
    const fd = openSync('/proc/self/status', 'r');
    const id = parseMountId(readFileSync(`/proc/self/fdinfo/${fd}`));
    closeSync(fd);
    const mount = parseMountinfo(readFileSync('/proc/self/mountinfo')).find(candidate => candidate.id === id);
    expect(mount).toMatchObject({ mountPoint: '/proc', type: 'proc' });
  });
});

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCgroup } from '../../../src/model/procfs/cgroup.ts';

describe('parseCgroup', () => {
  it('reads both versions of hierarchies', () => {
    const text = '12:cpu,cpuacct:/a:b/c\n1:name=systemd:/user.slice\n0::/system.slice/x.service\n';
    expect(parseCgroup(Buffer.from(text))).toEqual([
      { hierarchy: 12, controllers: ['cpu', 'cpuacct'], path: '/a:b/c' },
      { hierarchy: 1, controllers: ['name=systemd'], path: '/user.slice' },
      { hierarchy: 0, controllers: [], path: '/system.slice/x.service' },
    ]);
  });

  it('takes off the mark of a removed cgroup', () => {
    expect(parseCgroup(Buffer.from('0::/gone (deleted)\n'))[0]?.path).toBe('/gone');
  });

  it('leaves out malformed lines', () => {
    expect(parseCgroup(Buffer.from('x\n0:\n0::relative\n:::/\n0::/\n'))).toEqual([
      { hierarchy: 0, controllers: [], path: '/' },
    ]);
  });

  it('reads every line the kernel writes about this process', () => {
    const text = readFileSync('/proc/self/cgroup', 'latin1');
    expect(parseCgroup(Buffer.from(text))).toHaveLength(text.split('\n').length - 1);
  });

  it('never takes a cut path for a whole one', () => {
    const text = '3:cpu:/docker/0123\n0::/docker/4567\n';
    const whole = parseCgroup(Buffer.from(text));
    for (let length = 0; length < text.length; length++) {
      const cut = parseCgroup(Buffer.from(text).subarray(0, length));
      expect(whole.slice(0, cut.length)).toEqual(cut);
    }
  });

  it('reads a path with what else ends a line', () => {
    const path = '/a\rb\u2028c\u2029d';
    expect(parseCgroup(Buffer.from(`0::${path}\n`)).map(line => line.path)).toEqual([path]);
  });

  it('reads back any path', () => {
    const path = fc.string({ unit: 'grapheme' }).filter(part => !/[\n\0]| \(deleted\)$/.test(part));
    fc.assert(
      fc.property(fc.array(path, { minLength: 1, maxLength: 5 }), paths => {
        const text = paths.map((part, i) => `${i}:c${i}:/${part}\n`).join('');
        expect(parseCgroup(Buffer.from(text)).map(line => line.path)).toEqual(paths.map(part => `/${part}`));
      }),
    );
  });

  it('takes any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        parseCgroup(bytes);
      }),
    );
  });
});

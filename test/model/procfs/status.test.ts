import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStatus } from '../../../src/model/procfs/status.ts';

const text = `Name:\tcat\nUmask:\t0022\nState:\tR (running)\nTgid:\t5593\nNgid:\t0\nPid:\t5593\nPPid:\t5587
TracerPid:\t0\nUid:\t1000\t0\t1\t2\nGid:\t0\t0\t0\t0\nFDSize:\t256\nGroups:\t \nNStgid:\t5593\t7\nNSpid:\t5593\t7\n`;

describe('parseStatus', () => {
  it('reads ids and the pid of each namespace', () => {
    expect(parseStatus(Buffer.from(text))).toEqual({
      tgid: 5593,
      ppid: 5587,
      uids: [1000, 0, 1, 2],
      namespacePids: [5593, 7],
    });
  });

  it('has no namespace pids where the kernel writes none', () => {
    const old = text.replace(/NS.*\n/g, '');
    expect(parseStatus(Buffer.from(old))?.namespacePids).toEqual([]);
  });

  it('agrees with the kernel about this process', () => {
    const status = parseStatus(readFileSync('/proc/self/status'));
    expect(status).toMatchObject({ tgid: process.pid, ppid: process.ppid });
    expect(status!.uids[0]).toBe(process.getuid!());
    expect(status!.namespacePids[0]).toBe(process.pid);
  });

  it.each(['Tgid', 'PPid', 'Uid'])('needs %s', key => {
    expect(parseStatus(Buffer.from(text.replace(`\n${key}:`, '\nGone:')))).toBeUndefined();
  });

  it('never takes a cut value for a whole one', () => {
    const whole = parseStatus(Buffer.from(text))!;
    for (let length = 0; length < text.length; length++) {
      const cut = parseStatus(Buffer.from(text).subarray(0, length));
      if (cut !== undefined) {
        expect({ ...cut, namespacePids: whole.namespacePids }).toEqual(whole);
        expect([[], whole.namespacePids]).toContainEqual(cut.namespacePids);
      }
    }
  });

  it('takes any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        parseStatus(bytes);
      }),
    );
  });
});

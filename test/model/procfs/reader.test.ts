import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { uptime } from 'node:os';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/model/clock.ts';
import { BootTime } from '../../../src/model/procfs/boot-time.ts';
import { parseMountinfo } from '../../../src/model/procfs/mountinfo.ts';
import { ProcfsReader } from '../../../src/model/procfs/reader.ts';
import { FakeClock } from '../fake-clock.ts';

const procfs = new ProcfsReader();
/** A pid that nobody has: above the kernel's limit. */
const NOBODY = 4_194_305;

describe('ProcfsReader', () => {
  it('reads files and links of a process', () => {
    expect(procfs.read('self', 'comm')?.toString()).toBe(readFileSync('/proc/self/comm', 'utf8'));
    expect(procfs.link(process.pid, 'exe')).toBe(readlinkSync('/proc/self/exe'));
  });

  it('reads lists that come in many pieces', () => {
    const own = readFileSync('/proc/self/mountinfo');
    expect(procfs.readList('self', 'mountinfo')).toEqual(own);
    expect(parseMountinfo(procfs.readList('self', 'mountinfo')!).length).toBeGreaterThan(0);
    expect(procfs.readList('host', 'kallsyms')?.length).toBeGreaterThan(16_384);
  });

  it('has nothing for a process that is gone', () => {
    expect(procfs.read(NOBODY, 'stat')).toBeUndefined();
    expect(procfs.readList(NOBODY, 'mountinfo')).toBeUndefined();
    expect(procfs.link(NOBODY, 'exe')).toBeUndefined();
    const { pid } = spawnSync('/bin/true');
    expect(procfs.read(pid, 'stat')).toBeUndefined();
  });

  it('lists processes, this one among them', () => {
    expect(procfs.pids()).toContain(process.pid);
    expect(new ProcfsReader('/nonexistent').pids()).toEqual([]);
  });
});

describe('BootTime', () => {
  it('places ticks on the wall clock', () => {
    const booted = Date.now() - uptime() * 1000;
    const computed = new BootTime(procfs, systemClock).wallMs(100)!;
    expect(Math.abs(computed - (booted + 1000))).toBeLessThan(100);
  });

  it('follows the wall clock when it is set', async () => {
    const clock = new FakeClock();
    const boot = new BootTime(procfs, clock);
    const before = boot.wallMs(0)!;
    await clock.advance(4999);
    expect(boot.wallMs(0)).toBe(before);
    await clock.advance(1);
    // The fake wall clock went on by five seconds while the kernel's uptime hardly did.
    expect(boot.wallMs(0)! - before).toBeGreaterThan(3000);
  });

  it('does not know without uptime', () => {
    expect(new BootTime(new ProcfsReader('/nonexistent'), systemClock).wallMs(1)).toBeUndefined();
  });
});

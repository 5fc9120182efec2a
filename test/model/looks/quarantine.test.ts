import { describe, expect, it } from 'vitest';
import { ownerOf, Quarantine } from '../../../src/model/looks/quarantine.ts';

const of = (owner: number, path: string, dev = '00:01') => ({ owner, path, dev });
const TEN_MINUTES = 600_000;

describe('Quarantine', () => {
  it('keeps away from what hung, for ten minutes', () => {
    let now = 0;
    const quarantine = new Quarantine(() => now);
    expect(quarantine.allows(of(1000, '/a'))).toBe('everything');
    quarantine.add(of(1000, '/a', '00:99'), true);
    expect(quarantine.allows(of(0, '/a'))).toBe('nothing');
    expect(quarantine.allows(of(0, '/b', '00:99'))).toBe('nothing');
    expect(quarantine.allows(of(1000, '/b'))).toBe('local');
    expect(quarantine.allows(of(1001, '/b'))).toBe('everything');
    now = TEN_MINUTES;
    expect(quarantine.allows(of(1000, '/a', '00:99'))).toBe('everything');
  });

  it('blames neither root nor a local device', () => {
    const quarantine = new Quarantine(() => 0);
    quarantine.add(of(0, '/a', 'fe:00'), false);
    expect(quarantine.allows(of(0, '/b', 'fe:00'))).toBe('everything');
    quarantine.add(of(1000, '/link', 'fe:00'), false);
    expect(quarantine.allows(of(1000, '/c', 'fe:00'))).toBe('nothing');
    expect(quarantine.allows(of(1001, '/c', 'fe:00'))).toBe('everything');
  });

  it('looks at no foreign file system after a few that hung, however many uids and devices somebody has', () => {
    let now = 0;
    const quarantine = new Quarantine(() => now);
    for (let i = 0; i < 2; i++) {
      expect(quarantine.allows(of(100_000 + i, `/${i}`, `00:${i}`))).toBe('everything');
      quarantine.add(of(100_000 + i, `/${i}`, `00:${i}`), true);
    }
    expect(quarantine.allows(of(100_002, '/2', '00:2'))).toBe('local');
    now = TEN_MINUTES;
    expect(quarantine.allows(of(100_002, '/2', '00:2'))).toBe('everything');
  });

  it('keeps a bounded number of things in mind', () => {
    const quarantine = new Quarantine(() => 0);
    for (let i = 0; i < 10_000; i++) quarantine.add(of(0, `/${i}`), false);
    expect(quarantine.allows(of(0, '/0'))).toBe('everything');
    expect(quarantine.allows(of(0, '/9999'))).toBe('nothing');
  });
});

it('who has logged in is to blame, or else who runs it', () => {
  expect(ownerOf({ uid: 0, auid: 1000 })).toBe(1000);
  expect(ownerOf({ uid: 33, auid: 4_294_967_295 })).toBe(33);
});

import { describe, expect, it } from 'vitest';
import type { WatchedPaths } from '../../src/flags/watched-paths.ts';
import type { WatchPlan } from '../../src/ingest/plan-watches.ts';
import { Watching } from '../../src/ingest/watching.ts';
import { settingsWith } from '../tables/table-rows.ts';

const ETC: WatchedPaths = { included: [{ category: 'a', pattern: '/etc/%%' }], excluded: [] };
const PLAN: WatchPlan = {
  watches: [{ kind: 'directory', path: '/etc' }],
  problems: ['process_file_events does not watch "x": it does not begin with /'],
};

const watching = () => {
  const warnings: string[] = [];
  const planned: WatchedPaths[] = [];
  const clock = { now: 0 };
  const it = new Watching(message => warnings.push(message), {
    now: () => clock.now,
    plan: async watched => {
      planned.push(watched);
      return PLAN;
    },
  });
  const select = (watched: WatchedPaths | undefined, flags = {}) =>
    it.selectionOf({ ...settingsWith({ fim_events: true, ...flags }), watched });
  return { it, warnings, planned, clock, select };
};

describe('which programs the kernel leaves out', () => {
  it('is looked for again after a minute, and for another list', async () => {
    const clock = { now: 0 };
    const asked: (readonly string[])[] = [];
    const it = new Watching(() => {}, {
      now: () => clock.now,
      planExes: async exes => {
        asked.push(exes);
        return exes.slice(0, 1);
      },
    });
    const select = async (...exes: readonly string[]) =>
      (await it.selectionOf({ ...settingsWith({}), exclude: { exes, uids: [], auids: [] } })).excludeExes;
    expect(await select()).toEqual([]);
    expect(await select('/a', '/b')).toEqual(['/a']);
    clock.now = 59_000;
    await select('/a', '/b');
    expect(asked).toHaveLength(1);
    expect(await select('/b')).toEqual(['/b']);
    clock.now = 120_000;
    await select('/b');
    expect(asked).toHaveLength(3);
  });
});

describe('what is watched', () => {
  it('is what the configuration names, if the table is on', async () => {
    const { select, planned } = watching();
    expect((await select(ETC)).watches).toEqual(PLAN.watches);
    expect((await select(ETC, { fim_events: false })).watches).toEqual([]);
    expect((await select(undefined)).watches).toEqual([]);
    expect(planned).toEqual([ETC]);
  });

  it('is looked for again after a minute, and for another configuration', async () => {
    const { select, planned, clock } = watching();
    await select(ETC);
    clock.now = 59_000;
    await select(ETC);
    expect(planned).toHaveLength(1);
    await select({ ...ETC });
    expect(planned).toHaveLength(2);
    clock.now = 120_000;
    await select(ETC);
    expect(planned).toHaveLength(3);
  });

  it('is told once where it cannot be', async () => {
    const { it, select, warnings, clock } = watching();
    await select(ETC);
    clock.now = 61_000;
    await select(ETC);
    expect(warnings).toEqual(PLAN.problems);
    it.tellOf({ refusedWatches: undefined });
    const refusedWatches = { count: 3, why: 'ENOSPC' };
    it.tellOf({ refusedWatches });
    it.tellOf({ refusedWatches });
    expect(warnings.slice(1)).toEqual([
      expect.stringMatching(/^the kernel has refused 3 of the rules .*: ENOSPC$/),
    ]);
  });
});

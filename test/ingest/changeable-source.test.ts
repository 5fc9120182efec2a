import { describe, expect, it } from 'vitest';
import { readAuditSettings } from '../../src/flags/audit-settings.ts';
import { ChangeableSource } from '../../src/ingest/changeable-source.ts';
import type { EventSource, LiveOptions } from '../../src/ingest/event-source.ts';

const { settings } = readAuditSettings(new Map());

interface Fake {
  readonly serial: number;
  readonly gaps: number;
  readonly records: number;
}

/** Sources that say what they have counted, and how they were opened and closed. */
const sourcesOf = (...fakes: readonly Fake[]) => {
  const opened: LiveOptions[] = [];
  const closed: (string | undefined)[] = [];
  const open = async (_: unknown, start: LiveOptions): Promise<EventSource> => {
    const fake = fakes[opened.length];
    if (fake === undefined) throw new Error('refused');
    opened.push(start);
    const ingest = {
      fd: undefined,
      counters: { pipeline: { records: fake.records }, stream: { overruns: 1 }, malformedInput: 0 },
      progress: { serial: fake.serial, inFlight: 0, gaps: fake.gaps },
      upToDate: () => undefined,
    };
    return {
      ingest,
      mode: 'unicast',
      kernelLostBefore: opened.length * 100,
      setSettings: async () => {},
      status: async () => ({ mode: 'unicast', kernel: undefined, rules: 7 }),
      close: async (how?: string) => {
        closed.push(how);
      },
    } as unknown as EventSource;
  };
  return { open, opened, closed };
};

const begin = (open: ReturnType<typeof sourcesOf>['open']): Promise<ChangeableSource> =>
  ChangeableSource.open(open, settings, { lastSerial: 3 });

describe('ChangeableSource', () => {
  it('adds up what its sources count, and goes on behind the last serial', async () => {
    const { open, opened, closed } = sourcesOf(
      { serial: 10, gaps: 2, records: 40 },
      { serial: 20, gaps: 1, records: 5 },
    );
    const source = await begin(open);
    expect(source.counters).toMatchObject({ pipeline: { records: 40 }, stream: { overruns: 1 } });
    await source.reopen(settings, 'leave', async () => ({ processes: true }));
    expect(closed).toEqual(['leave']);
    expect(opened).toEqual([{ lastSerial: 3 }, { lastSerial: 10, processes: true, inherited: undefined }]);
    expect(source.counters).toMatchObject({ pipeline: { records: 45 }, stream: { overruns: 2 } });
    expect(source.progress).toEqual({ serial: 20, inFlight: 0, gaps: 3 });
    // The same as long as nothing has changed: whoever keeps it would write it each time.
    expect(source.progress).toBe(source.progress);
    expect(source.kernelLostBefore).toBe(100);
  });

  it('takes what was missed on purpose for no gap', async () => {
    const { open, opened } = sourcesOf(
      { serial: 10, gaps: 0, records: 1 },
      { serial: 90, gaps: 0, records: 1 },
    );
    const source = await begin(open);
    await source.reopen(settings, 'restore', async () => ({}));
    expect(opened[1]!.lastSerial).toBeUndefined();
  });

  it('answers while there is no source', async () => {
    const { open } = sourcesOf({ serial: 1, gaps: 0, records: 4 }, { serial: 2, gaps: 0, records: 4 });
    const source = await begin(open);
    await source.reopen(settings, 'leave', async () => {
      expect(source.upToDate()).toBeUndefined();
      expect(await source.status()).toMatchObject({ kernel: undefined, rules: undefined });
      return {};
    });
    expect(await source.status()).toMatchObject({ rules: 7 });
  });

  it('fails as the source does that cannot be opened', async () => {
    const { open, closed } = sourcesOf({ serial: 1, gaps: 0, records: 4 });
    const source = await begin(open);
    await expect(source.reopen(settings, 'leave', async () => ({}))).rejects.toThrow('refused');
    expect(closed).toEqual(['leave']);
  });
});

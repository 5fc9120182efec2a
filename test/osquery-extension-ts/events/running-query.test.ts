import fc from 'fast-check';
import type { ExtensionManagerClient } from 'osquery-extension-ts';
import { RunningQuery } from 'osquery-extension-ts/events';
import type { PluginAnswer, PluginCallRequest } from 'osquery-extension-ts/types';
import { describe, expect, it } from 'vitest';
import { CoreDatabase } from '../../../src/osquery-extension-ts/src/client/core-database.ts';

/** A core's database, and a client of it that counts its questions. */
const fakeDatabase = () => {
  const values = new Map<string, string>();
  const asked: string[][] = [];
  const read = (calls: readonly PluginCallRequest[]): PluginAnswer[] =>
    calls.map(({ request: { domain, key } }) => {
      const v = values.get(`${domain}/${key}`);
      return {
        status: { code: v === undefined ? 1 : 0, message: '', uuid: 0 },
        rows: v === undefined ? [] : [{ v }],
      };
    });
  let answer = async (calls: readonly PluginCallRequest[]): Promise<PluginAnswer[]> => read(calls);
  const calls = {
    call: async () => [],
    callTogether: (requests: readonly PluginCallRequest[]) => {
      asked.push(requests.map(({ request }) => String(request.key)));
      return answer(requests);
    },
  };
  const client = {
    database: new CoreDatabase(calls),
    readNow: () => {},
  } as unknown as ExtensionManagerClient;
  const begin = (query: string, second: number): void => {
    values.set('configurations/executing_query', query);
    values.set(`configurations/timestamp.${query}`, String(second));
  };
  return {
    client,
    asked,
    read,
    begin,
    end: (query: string, counter?: number): void => {
      values.set('configurations/executing_query', '');
      if (counter !== undefined) values.set(`queries/${query}counter`, String(counter));
    },
    setAnswer: (next: typeof answer): void => {
      answer = next;
    },
  };
};

describe('the running query', () => {
  it('is none, or one with its execution', async () => {
    const { client, begin, end } = fakeDatabase();
    const running = new RunningQuery(client);
    expect(await running.find()).toBeUndefined();
    begin('q', 5);
    expect(await running.find()).toEqual({ query: 'q', id: '/5', counter: undefined });
    end('q', 1);
    expect(await running.find()).toBeUndefined();
    begin('other', 6);
    expect(await running.find()).toMatchObject({ query: 'other', id: '/6' });
    end('other');
    begin('q', 7);
    expect(await running.find()).toEqual({ query: 'q', id: '1/7', counter: '1' });
  });

  it('is asked for in one write, once it has been seen', async () => {
    const { client, begin, asked } = fakeDatabase();
    const running = new RunningQuery(client);
    begin('q', 5);
    await running.find();
    await running.find();
    expect(asked).toEqual([
      ['executing_query'],
      ['qcounter', 'timestamp.q'],
      ['executing_query', 'qcounter', 'timestamp.q'],
    ]);
  });

  it('is asked for at the ping, for one call that comes soon', async () => {
    const { client, begin, asked } = fakeDatabase();
    let now = 0;
    const running = new RunningQuery(client, () => now);
    begin('q', 5);
    await running.find();
    asked.length = 0;
    running.announce();
    expect(asked).toHaveLength(1);
    expect(await running.find()).toMatchObject({ id: '/5' });
    expect(asked).toHaveLength(1);
    // Who does not ping is not answered with what somebody else was told.
    begin('q', 6);
    expect(await running.find()).toMatchObject({ id: '/6' });
    expect(asked).toHaveLength(2);
    running.announce();
    begin('q', 7);
    now = 100;
    expect(await running.find()).toMatchObject({ id: '/7' });
  });

  it('is asked for once while the scheduler, which waits, has used no file', async () => {
    const { client, begin, end, asked } = fakeDatabase();
    const running = new RunningQuery(client);
    const scheduler = (mark: string | undefined) => ({ kind: 'scheduler', mark }) as const;
    begin('q', 5);
    expect(await running.find(scheduler('1'))).toMatchObject({ id: '/5' });
    asked.length = 0;
    for (let i = 0; i < 3; i++) {
      running.announce();
      expect(running.find(scheduler('1'))).toMatchObject({ id: '/5' });
    }
    expect(asked).toEqual([]);
    end('q', 1);
    begin('q', 6);
    expect(await running.find(scheduler('2'))).toMatchObject({ id: '1/6' });
    end('q', 1);
    expect(await running.find(scheduler('3'))).toBeUndefined();
    expect(running.find(scheduler('3'))).toBeUndefined();
    // Where it is not seen whether it has.
    begin('q', 7);
    expect(await running.find(scheduler(undefined))).toMatchObject({ id: '1/7' });
  });

  it('is not asked for where another thread asks', () => {
    const { client, begin, asked } = fakeDatabase();
    const running = new RunningQuery(client);
    begin('q', 5);
    for (let i = 0; i < 2; i++) {
      running.announce();
      expect(running.find({ kind: 'other' })).toBeUndefined();
    }
    expect(asked).toEqual([]);
  });

  it('is not asked for by many pings at once', async () => {
    const { client, asked, setAnswer } = fakeDatabase();
    setAnswer(() => new Promise(() => {}));
    const running = new RunningQuery(client);
    for (let i = 0; i < 1_000; i++) running.announce();
    expect(asked.length).toBeLessThan(10);
  });

  it('fails for the call, not for the ping', async () => {
    const { client, setAnswer } = fakeDatabase();
    setAnswer(async () => {
      throw new Error('core is gone');
    });
    const running = new RunningQuery(client);
    running.announce();
    await new Promise(resolve => setImmediate(resolve));
    await expect(running.find()).rejects.toThrow('core is gone');
  });

  it('is the one whose generate asks, whatever other threads of core do in between', async () => {
    const execution = fc.record({
      query: fc.constantFrom('a', 'b'),
      generates: fc.integer({ min: 1, max: 4 }),
      logs: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(execution, { minLength: 1, maxLength: 6 }),
        fc.array(fc.constantFrom('distributed', 'watch', 'no ping'), { maxLength: 12 }),
        async (scheduler, executions, others) => {
          const { client, begin, end, read, setAnswer } = fakeDatabase();
          // One connection: requests are read, and answered, in their order, each at a time of its own.
          let last: Promise<unknown> = Promise.resolve();
          setAnswer(calls => {
            const answer = last.then(async () => {
              await scheduler.schedule(Promise.resolve(), 'core reads');
              const answers = read(calls);
              await scheduler.schedule(Promise.resolve(), 'answer');
              return answers;
            });
            last = answer;
            return answer;
          });
          const running = new RunningQuery(client);
          const step = (label: string): Promise<void> => scheduler.schedule(Promise.resolve(), label);
          const counters = new Map<string, number>();
          const scheduled = async (): Promise<void> => {
            let second = 0;
            for (const { query, generates, logs } of executions) {
              begin(query, ++second);
              const counter = counters.get(query);
              const expected = { query, id: `${counter ?? ''}/${second}` };
              for (let i = 0; i < generates; i++) {
                await step('ping');
                running.announce();
                await step('call');
                expect(await running.find()).toMatchObject(expected);
                await step('reply');
              }
              if (logs) counters.set(query, (counter ?? 0) + 1);
              end(query, counters.get(query));
            }
          };
          const beside = async (): Promise<void> => {
            for (const kind of others) {
              await step(kind);
              if (kind !== 'no ping') running.announce();
              await step(kind);
              if (kind !== 'watch') await running.find();
            }
          };
          const both = Promise.all([scheduled(), beside()]);
          await scheduler.waitFor(both);
        },
      ),
      { numRuns: 500 },
    );
  });
});

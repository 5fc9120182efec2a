import { spawnSync } from 'node:child_process';
import { MessageChannel } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EnrichedEvent, EventModel } from '../../src/model/event-model.ts';
import { type DataSource, eventSource, laterSource } from '../../src/model/source.ts';
import type { ModelLimits } from '../../src/model/source-runner.ts';
import { FakeClock, settled } from './fake-clock.ts';
import { exec, exit, fork } from './process-events.ts';

const pidSource = eventSource<{ pid: number }>({
  name: 'pid',
  provides: { pid: 'output' },
  needs: [],
  resolve: event => ({ pid: event.pid }),
});

/** A later source whose answers the test gives one by one. */
const manualSource = (name: string, field: string, limits: DataSource['limits'] = {}) => {
  const answers: PromiseWithResolvers<Record<string, unknown> | undefined>[] = [];
  const source = laterSource<Record<string, unknown>>({
    name,
    provides: { [field]: 'output' },
    needs: [],
    limits,
    resolve: () => {
      const answer = Promise.withResolvers<Record<string, unknown> | undefined>();
      answers.push(answer);
      return answer.promise;
    },
  });
  return { source, answers };
};

const setUp = (sources: readonly DataSource[], limits: Partial<ModelLimits> = {}) => {
  const clock = new FakeClock();
  const emitted: EnrichedEvent[] = [];
  const model = new EventModel({ sources, clock, limits, emit: event => emitted.push(event) });
  const fields = () => emitted.map(event => event.fields);
  return { clock, emitted, fields, model };
};

describe('EventModel', () => {
  it('gives an event out at once when every source answers at once', () => {
    const { model, fields } = setUp([pidSource]);
    model.offer(exec({ pid: 7 }));
    expect(fields()).toEqual([{ pid: 7 }]);
    expect(model.inFlight).toBe(0);
  });

  it('makes telemetry of exec events only, and shows the others to the sources', () => {
    const seen: string[] = [];
    const watcher: DataSource = { ...pidSource, observe: event => seen.push(event.action) };
    const { model, emitted } = setUp([watcher]);
    model.offer(fork(8, 7));
    model.offer(exec({ pid: 8 }));
    model.offer(exit(8));
    expect(seen).toEqual(['fork', 'exec', 'exit']);
    expect(emitted).toHaveLength(1);
    expect(model.counters).toMatchObject({ offered: 3, emitted: 1 });
  });

  it('makes no telemetry of an exec that failed', () => {
    const { model, fields } = setUp([pidSource]);
    for (const [pid, status] of [undefined, 0, 2].entries()) model.offer(exec({ pid, status }));
    expect(fields()).toEqual([{ pid: 0 }, { pid: 1 }]);
    expect(model.counters).toMatchObject({ offered: 3, emitted: 2 });
  });

  it('hands a source what the fields it needs came to', async () => {
    const later = laterSource<{ twice: number }, { pid: number }>({
      name: 'twice',
      provides: { twice: 'output' },
      needs: ['pid'],
      resolve: async (_event, { pid }) => ({ twice: 2 * pid! }),
    });
    const last = laterSource<{ text: string }, { twice: number }>({
      name: 'text',
      provides: { text: 'output' },
      needs: ['twice'],
      resolve: (_event, { twice }) => ({ text: `${twice}!` }),
    });
    const { model, fields } = setUp([last, later, pidSource]);
    model.offer(exec({ pid: 21 }));
    await settled();
    expect(fields()).toEqual([{ pid: 21, twice: 42, text: '42!' }]);
  });

  it('gives events out in order of arrival, however their sources answer', async () => {
    const { source, answers } = manualSource('slow', 'x');
    const { model, fields } = setUp([pidSource, source]);
    for (const pid of [1, 2, 3]) model.offer(exec({ pid }));
    answers[2]!.resolve({ x: 'c' });
    answers[1]!.resolve({ x: 'b' });
    await settled();
    expect(fields()).toEqual([]);
    answers[0]!.resolve({ x: 'a' });
    await settled();
    expect(fields()).toEqual([
      { pid: 1, x: 'a' },
      { pid: 2, x: 'b' },
      { pid: 3, x: 'c' },
    ]);
  });

  it('goes on without a slow source when its budget is over, and ignores what it says afterwards', async () => {
    const { source, answers } = manualSource('slow', 'x', { budgetMs: 100 });
    const { model, clock, emitted, fields } = setUp([pidSource, source]);
    model.offer(exec({ pid: 1 }));
    await clock.advance(99);
    expect(emitted).toEqual([]);
    await clock.advance(1);
    expect(fields()).toEqual([{ pid: 1 }]);
    answers[0]!.resolve({ x: 'late' });
    await settled();
    expect(fields()).toEqual([{ pid: 1 }]);
    expect(model.sources.get('slow')).toMatchObject({ asked: 1, slow: 1, failed: 0 });
  });

  it('delays no event longer than the budget when several sources are slow one after the other', async () => {
    const hang = (name: string, needs: string[]): DataSource => ({
      name,
      phase: 'later',
      provides: { [name]: 'output' },
      needs,
      resolve: () => new Promise(() => {}),
    });
    const { model, clock, emitted } = setUp([hang('a', []), hang('b', ['a']), hang('c', ['b'])]);
    model.offer(exec());
    await clock.advance(100);
    model.offer(exec());
    await clock.advance(149);
    expect(emitted).toHaveLength(0);
    await clock.advance(1);
    expect(emitted).toHaveLength(1);
    await clock.advance(100);
    expect(emitted).toHaveLength(2);
  });

  it('asks the next source without the fields of one whose time is over', async () => {
    const hang = manualSource('hang', 'x', { budgetMs: 50 });
    const next = laterSource<{ y: string }, { x: unknown }>({
      name: 'next',
      provides: { y: 'output' },
      needs: ['x'],
      resolve: (_event, { x }) => ({ y: `x is ${x}` }),
    });
    const { model, clock, fields } = setUp([hang.source, next]);
    model.offer(exec());
    await clock.advance(50);
    expect(fields()).toEqual([{ y: 'x is undefined' }]);
  });

  it.each<[string, () => undefined | Promise<undefined>]>([
    [
      'throws',
      () => {
        throw new Error('no luck');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no luck'))],
  ])('yields NULL for a source that %s, and counts it', async (_how, resolve) => {
    const source: DataSource = {
      name: 'bad',
      phase: 'later',
      provides: { x: 'output' },
      needs: [],
      resolve,
    };
    const { model, fields } = setUp([pidSource, source]);
    model.offer(exec({ pid: 1 }));
    await settled();
    expect(fields()).toEqual([{ pid: 1 }]);
    expect(model.sources.get('bad')).toMatchObject({ asked: 1, failed: 1, lastError: 'no luck' });
  });

  it('survives an event source, an observer and a receiver that throw', () => {
    const clock = new FakeClock();
    const bad: DataSource = {
      name: 'bad',
      phase: 'event',
      provides: { x: 'output' },
      needs: [],
      observe: () => {
        throw new Error('watching');
      },
      resolve: () => {
        throw new Error('asking');
      },
    };
    const model = new EventModel({
      sources: [bad],
      clock,
      emit: () => {
        throw new Error('receiving');
      },
    });
    model.offer(exec());
    expect(model.sources.get('bad')).toMatchObject({ failed: 2, lastError: 'asking' });
    expect(model.counters).toMatchObject({ emitted: 1, emitFailed: 1 });
  });

  it('passes over a source with too many answers outstanding instead of waiting for it', async () => {
    const { source, answers } = manualSource('hang', 'x', { maxPending: 2 });
    const { model, clock, emitted } = setUp([pidSource, source]);
    for (const pid of [1, 2, 3]) model.offer(exec({ pid }));
    await clock.advance(250);
    expect(emitted).toHaveLength(3);
    model.offer(exec({ pid: 4 }));
    expect(emitted).toHaveLength(4);
    expect(model.sources.get('hang')).toMatchObject({ asked: 2, slow: 2, skipped: 2 });
    // It comes back when an answer does.
    answers[0]!.resolve(undefined);
    await settled();
    model.offer(exec({ pid: 5 }));
    answers[2]!.resolve({ x: 'back' });
    await settled();
    expect(emitted.at(-1)!.fields).toEqual({ pid: 5, x: 'back' });
  });

  const heavy = (clock: FakeClock, limits: DataSource['limits']): DataSource => ({
    name: 'heavy',
    phase: 'event',
    provides: { x: 'output' },
    needs: [],
    ...(limits && { limits }),
    resolve: () => {
      clock.stall(11);
      return { x: 1 };
    },
  });

  it('lets a source rest that held up the thread twice in a row', async () => {
    const clock = new FakeClock();
    const emitted: unknown[] = [];
    const sources = [heavy(clock, { budgetMs: 10 })];
    const model = new EventModel({ sources, clock, emit: event => emitted.push(event.fields) });
    for (let i = 0; i < 3; i++) model.offer(exec());
    await clock.advance(1000);
    model.offer(exec());
    expect(emitted).toEqual([{ x: 1 }, { x: 1 }, {}, { x: 1 }]);
    expect(model.sources.get('heavy')).toMatchObject({ asked: 3, slow: 3, skipped: 1 });
  });

  it('asks a source that never rests, however long it took', () => {
    const clock = new FakeClock();
    const emitted: unknown[] = [];
    const sources = [heavy(clock, { budgetMs: 10, rests: false })];
    const model = new EventModel({ sources, clock, emit: event => emitted.push(event.fields) });
    for (let i = 0; i < 4; i++) model.offer(exec());
    expect(emitted).toEqual(Array.from({ length: 4 }, () => ({ x: 1 })));
  });

  it('takes an answer that came while the thread was busy, though the time is over', async () => {
    const { port1, port2 } = new MessageChannel();
    const waiting: ((fields: Record<string, unknown>) => void)[] = [];
    port1.on('message', x => waiting.shift()!({ x }));
    const source = laterSource<Record<string, unknown>>({
      name: 'thread',
      provides: { x: 'output' },
      needs: [],
      limits: { budgetMs: 5 },
      resolve: () => new Promise(done => waiting.push(done)),
    });
    const given = Promise.withResolvers<void>();
    const emitted: EnrichedEvent[] = [];
    const model = new EventModel({
      sources: [source],
      emit: event => {
        emitted.push(event);
        if (emitted.length === 2) given.resolve();
      },
    });
    for (const x of [1, 2]) {
      model.offer(exec());
      port2.postMessage(x);
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30);
    await given.promise;
    port1.close();
    expect(emitted.map(({ fields }) => fields)).toEqual([{ x: 1 }, { x: 2 }]);
    expect(model.sources.get('thread')!.slow).toBe(0);
  });

  it('sends the oldest event on its way when too many are in flight, and loses none', async () => {
    const { source, answers } = manualSource('slow', 'x');
    const { model, fields } = setUp([pidSource, source], { maxInFlight: 2 });
    for (const pid of [1, 2, 3]) model.offer(exec({ pid }));
    expect(fields()).toEqual([{ pid: 1 }]);
    expect(model.inFlight).toBe(2);
    expect(model.counters.overflowed).toBe(1);
    for (const [i, answer] of answers.entries()) answer.resolve({ x: i });
    await settled();
    expect(fields()).toEqual([{ pid: 1 }, { pid: 2, x: 1 }, { pid: 3, x: 2 }]);
  });

  it('takes no field that a source did not declare', () => {
    const thief: DataSource = {
      name: 'thief',
      phase: 'event',
      provides: { mine: 'output' },
      needs: ['pid'],
      resolve: () => ({ mine: 1, pid: 666 }) as object,
    };
    const { model, fields } = setUp([pidSource, thief]);
    model.offer(exec({ pid: 5 }));
    expect(fields()).toEqual([{ pid: 5, mine: 1 }]);
  });

  it('keeps the order when the receiver offers events itself', () => {
    const order: number[] = [];
    const model: EventModel<{ pid: number }> = new EventModel<{ pid: number }>({
      sources: [pidSource],
      clock: new FakeClock(),
      emit: ({ fields }) => {
        order.push(fields.pid!);
        if (fields.pid === 1) {
          model.offer(exec({ pid: 2 }));
          model.offer(exec({ pid: 3 }));
          order.push(-1);
        }
      },
    });
    model.offer(exec({ pid: 1 }));
    expect(order).toEqual([1, -1, 2, 3]);
  });

  it('starts sources after those they need and stops them the other way round', async () => {
    const calls: string[] = [];
    const source = (name: string, needs: string[], phase: 'event' | 'later'): DataSource => ({
      name,
      phase,
      provides: { [name]: 'output' },
      needs,
      start: async () => {
        await settled();
        calls.push(`+${name}`);
      },
      stop: () => {
        calls.push(`-${name}`);
      },
      resolve: () => undefined,
    });
    const { model } = setUp([
      source('c', ['b'], 'later'),
      source('b', ['a'], 'event'),
      source('a', [], 'event'),
    ]);
    await Promise.all([model.start(), model.start()]);
    await Promise.all([model.close(), model.close()]);
    expect(calls).toEqual(['+a', '+b', '+c', '-c', '-b', '-a']);
  });

  it('goes on without a source that does not start, or never ends starting', async () => {
    const broken: DataSource = {
      ...pidSource,
      start: () => Promise.reject(new Error('no socket')),
    };
    const endless = manualSource('endless', 'x');
    const { model, clock, fields } = setUp([
      broken,
      { ...endless.source, start: () => new Promise<void>(() => {}) },
    ]);
    let started = false;
    void model.start().then(() => {
      started = true;
    });
    await settled();
    await clock.advance(4999);
    expect(started).toBe(false);
    await clock.advance(1);
    expect(started).toBe(true);
    model.offer(exec());
    // Who takes long to start is asked meanwhile.
    expect(endless.answers).toHaveLength(1);
    endless.answers[0]!.resolve({ x: 1 });
    await settled();
    expect(fields()).toEqual([{ x: 1 }]);
    expect(model.sources.get('pid')).toMatchObject({ failed: 1, skipped: 1, lastError: 'no socket' });
    expect(model.sources.get('endless')).toMatchObject({ slow: 1, lastError: 'not done after 5000 ms' });
  });

  it('gives every event its budget when closed, and takes none afterwards', async () => {
    const { source, answers } = manualSource('slow', 'x');
    const { model, clock, fields } = setUp([pidSource, source]);
    model.offer(exec({ pid: 1 }));
    model.offer(exec({ pid: 2 }));
    let closed = false;
    void model.close().then(() => {
      closed = true;
    });
    model.offer(exec({ pid: 3 }));
    answers[0]!.resolve({ x: 1 });
    await clock.advance(249);
    expect(closed).toBe(false);
    await clock.advance(1);
    expect(closed).toBe(true);
    expect(fields()).toEqual([{ pid: 1, x: 1 }, { pid: 2 }]);
    expect(clock.timers).toBe(0);
  });

  it('keeps a program alive until it is closed', () => {
    const url = (name: string) => JSON.stringify(new URL(`../../src/model/${name}`, import.meta.url).href);
    const script = `
      import { EventModel } from ${url('event-model.ts')};
      const source = { name: 'a', phase: 'later', provides: { x: 'output' }, needs: [], resolve: () => new Promise(() => {}) };
      const model = new EventModel({ sources: [source], emit: () => process.stdout.write('emitted '), limits: { budgetMs: 20 } });
      model.offer({ action: 'exec' });
      await model.close();
      process.stdout.write('closed');
    `;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
      encoding: 'utf8',
    });
    expect({ stdout, stderr }).toEqual({ stdout: 'emitted closed', stderr: '' });
  });

  it('loses nothing and keeps the order whatever sources do', async () => {
    const behaviours = fc.array(
      fc.record({
        gap: fc.integer({ min: 0, max: 120 }),
        a: fc.oneof(
          fc.constant('throw' as const),
          fc.constant('hang' as const),
          fc.integer({ min: 0, max: 400 }),
        ),
        b: fc.oneof(
          fc.constant('throw' as const),
          fc.constant('now' as const),
          fc.integer({ min: 0, max: 400 }),
        ),
      }),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(behaviours, fc.integer({ min: 1, max: 8 }), async (plan, maxInFlight) => {
        const clock = new FakeClock();
        const act = (what: 'throw' | 'hang' | 'now' | number, field: string) => {
          if (what === 'throw') throw new Error(field);
          if (what === 'now') return { [field]: true };
          if (what === 'hang') return new Promise<undefined>(() => {});
          return new Promise<object>(resolve => clock.after(what, () => resolve({ [field]: true })));
        };
        const sources: DataSource[] = [
          pidSource,
          {
            name: 'a',
            phase: 'later',
            provides: { a: 'output' },
            needs: [],
            resolve: e => act(plan[e.pid]!.a, 'a'),
          },
          {
            name: 'b',
            phase: 'later',
            provides: { b: 'output' },
            needs: ['a'],
            resolve: e => act(plan[e.pid]!.b, 'b'),
          },
        ];
        const emitted: { readonly pid: unknown; readonly delay: number }[] = [];
        const arrived: number[] = [];
        const model = new EventModel({
          sources,
          clock,
          limits: { maxInFlight },
          emit: ({ fields, event }) =>
            emitted.push({ pid: fields.pid, delay: clock.monotonicMs() - arrived[event.pid]! }),
        });
        for (const [pid, { gap }] of plan.entries()) {
          await clock.advance(gap);
          arrived[pid] = clock.monotonicMs();
          model.offer(exec({ pid }));
          expect(model.inFlight).toBeLessThanOrEqual(maxInFlight);
        }
        await clock.advance(250);
        expect(emitted.map(({ pid }) => pid)).toEqual(plan.map((_, pid) => pid));
        for (const { delay } of emitted) expect(delay).toBeLessThanOrEqual(250);
      }),
      { numRuns: 60 },
    );
  });
});

import { describe, expect, it } from 'vitest';
import { EventPipeline } from '../../src/ingest/event-pipeline.ts';
import { ImageLooks, type LookChannel } from '../../src/ingest/image-looks.ts';
import type { ImageAnswer, ImageQuestions, ImageReply } from '../../src/ingest/image-question.ts';
import { eventTablesOn } from '../../tables/index.ts';
import { exec } from '../model/process-events.ts';
import { EVERYTHING } from '../tables/table-rows.ts';

const TIMES = { atime: 1, mtime: 2, ctime: 3, mode: 0o100755 };

/** A process that looks, answered for by the test. */
class FakeLooker implements LookChannel {
  readonly asked: ImageQuestions[] = [];
  #coming: Buffer[] = [];
  isGone = false;
  waited = 0;

  send(bytes: Uint8Array): number | undefined {
    if (this.isGone) return undefined;
    this.asked.push(JSON.parse(Buffer.from(bytes).toString()));
    return bytes.length;
  }

  receive(): Buffer | undefined {
    const bytes = Buffer.concat(this.#coming.splice(0));
    return this.isGone && bytes.length === 0 ? undefined : bytes;
  }

  wait(milliseconds: number): void {
    this.waited += milliseconds;
  }

  close(): void {
    this.isGone = true;
  }

  reply(reply: ImageReply): void {
    this.#coming.push(Buffer.from(`${JSON.stringify(reply)}\n`));
  }

  answer(answerOf: (index: number) => ImageAnswer = index => [index, TIMES]): void {
    const { batch, questions } = this.asked.at(-1)!;
    this.reply({ batch, answers: questions.map((_, index) => answerOf(index)) });
  }

  get paths(): readonly string[] {
    return this.asked.at(-1)?.questions.map(({ path }) => path) ?? [];
  }
}

const file = (inode: string, dev = 'fe:00') => ({
  inode,
  dev,
  mode: undefined,
  ouid: undefined,
  ogid: undefined,
  name: undefined,
});

const setUp = () => {
  let now = 0;
  let stuck = 0;
  let relented = 0;
  const looks = new ImageLooks({ now: () => now, onStuck: () => stuck++, onAnswer: () => relented++ });
  const attach = (): FakeLooker => {
    const looker = new FakeLooker();
    looks.attach(looker);
    // It is there.
    looker.reply({ batch: 0, answers: [] });
    looks.settle();
    looks.send();
    return looker;
  };
  const pass = (milliseconds: number): void => {
    now += milliseconds;
    looks.settle();
  };
  return { looks, attach, pass, stuck: () => stuck, relented: () => relented };
};

describe('ImageLooks', () => {
  it('asks once for all events of a batch that mean the same file', () => {
    const { looks, attach } = setUp();
    const looker = attach();
    const events = [
      exec({ pid: 1, path: '/a', files: [file('5')] }),
      exec({ pid: 2, path: '/a', files: [file('5')] }),
    ];
    const other = exec({ pid: 3, path: '/a', files: [file('6')] });
    for (const event of [...events, other]) looks.ask(event);
    looks.send();
    expect(looker.paths).toEqual(['/a', '/a']);
    expect(events.some(event => looks.isReady(event))).toBe(false);
    looker.answer(index => (index === 0 ? [0, TIMES, 'key', 4] : [1]));
    looks.settle();
    for (const event of events) {
      expect(looks.isReady(event)).toBe(true);
      expect(looks.resultOf(event)).toMatchObject({ times: TIMES, version: { key: 'key', ctimeMs: 4 } });
    }
    expect(looks.resultOf(other)).toMatchObject({ times: undefined, version: undefined });
    expect(looks.counters).toEqual({ hung: 0, refused: 0 });
    expect(looks.isWaiting).toBe(false);
  });

  it('lets events go on without what is not answered in time, and calls for another process', () => {
    const { looks, attach, pass, stuck } = setUp();
    const looker = attach();
    const hanging = exec({ pid: 1, path: '/hangs', files: [file('1', '00:99')], auid: 1000 });
    looks.ask(hanging);
    looks.send();
    looker.reply({ batch: 1, begins: 0, foreign: true });
    pass(249);
    expect(looks.isReady(hanging)).toBe(false);
    pass(1);
    expect(looks.isReady(hanging)).toBe(true);
    expect(looks.resultOf(hanging).times).toBeUndefined();
    expect(looks.counters).toEqual({ hung: 1, refused: 0 });
    expect(stuck()).toBe(1);
    // Nobody is waited for meanwhile.
    const meanwhile = exec({ pid: 2, path: '/bin/ls', files: [file('2')] });
    looks.ask(meanwhile);
    expect(looks.isReady(meanwhile)).toBe(true);
    expect(looks.counters.refused).toBe(1);

    const next = attach();
    const again = exec({ pid: 3, path: '/other', files: [file('7', '00:99')], auid: 0 });
    looks.ask(again);
    // Of the same device, whoever asks; and of the same user, on whatever is foreign.
    expect(looks.isReady(again)).toBe(true);
    looks.ask(exec({ pid: 4, path: '/bin/ls', files: [file('2')], auid: 1000 }));
    const others = exec({ pid: 5, path: '/bin/ls', files: [file('2')], auid: 1001 });
    looks.ask(others);
    looks.send();
    expect(next.asked.at(-1)).toMatchObject({
      careful: true,
      questions: [{ path: '/bin/ls', localOnly: true }, { path: '/bin/ls' }],
    });
    next.answer();
    looks.settle();
    expect(looks.resultOf(others).times).toEqual(TIMES);
  });

  it('asks the next process for what was waiting behind the one that hangs', () => {
    const { looks, attach } = setUp();
    const looker = attach();
    const [innocent, hanging] = [exec({ pid: 1, path: '/bin/ls' }), exec({ pid: 2, path: '/hangs' })];
    looks.ask(hanging);
    looks.ask(innocent);
    looks.send();
    looker.reply({ batch: 1, begins: 0, foreign: false });
    const next = attach();
    expect(next.paths).toEqual(['/bin/ls']);
    expect(looks.isReady(hanging)).toBe(true);
    next.answer();
    looks.settle();
    expect(looks.resultOf(innocent).times).toEqual(TIMES);
    expect(looks.counters).toEqual({ hung: 1, refused: 0 });
  });

  it('goes without while there is no process, and calls for one when it ends', () => {
    const { looks, attach, pass, stuck } = setUp();
    const event = exec({ pid: 1, path: '/a' });
    looks.ask(event);
    expect(looks.isReady(event)).toBe(true);
    const looker = attach();
    looks.ask(exec({ pid: 2, path: '/a' }));
    looker.isGone = true;
    looks.send();
    expect(stuck()).toBe(1);
    pass(250);
    expect(looks.isWaiting).toBe(false);
  });

  it('takes one that was only late for what it is', () => {
    const { looks, attach, pass, stuck, relented } = setUp();
    const looker = attach();
    const late = exec({ pid: 1, path: '/a' });
    looks.ask(late);
    looks.send();
    pass(300);
    expect([stuck(), relented()]).toEqual([1, 0]);
    looker.answer();
    pass(1);
    expect(relented()).toBe(1);
    const next = exec({ pid: 2, path: '/a' });
    looks.ask(next);
    looks.send();
    looker.answer();
    looks.settle();
    expect(looks.resultOf(next).times).toEqual(TIMES);
  });

  it('holds no event for longer, though its question is asked again and again', () => {
    const { looks, attach, pass } = setUp();
    attach();
    const events = Array.from({ length: 2 }, (_, pid) => exec({ pid, path: '/a' }));
    looks.ask(events[0]!);
    looks.send();
    looks.ask(events[1]!);
    // Both are asked anew, and neither takes the other's place.
    for (let i = 0; i < 4; i++) {
      attach();
      pass(100);
    }
    const looker = attach();
    expect(looker.paths).toEqual(['/a', '/a']);
    pass(400);
    expect(events.map(event => looks.isReady(event))).toEqual([true, true]);
  });

  it('has no more questions under way than its limit', () => {
    const looks = new ImageLooks({
      now: () => 0,
      onStuck: () => {},
      onAnswer: () => {},
      limits: { maxQuestions: 2 },
    });
    const looker = new FakeLooker();
    looks.attach(looker);
    looker.reply({ batch: 0, answers: [] });
    looks.settle();
    for (let i = 0; i < 5; i++) looks.ask(exec({ pid: i, path: `/${i}` }));
    expect(looks.counters.refused).toBe(3);
  });
});

describe('a pipeline whose looks hang', () => {
  it('makes the rows of all events, in their order, when the time of the look is over', () => {
    const { looks, attach, pass } = setUp();
    attach();
    const pipeline = new EventPipeline({
      tables: eventTablesOn('linux'),
      settings: EVERYTHING,
      context: { uptimeAt: () => undefined, imageTimes: event => looks.resultOf(event).times },
      kindOfTask: () => 'process',
      now: () => 0,
      looks,
    });
    const rows = (): number =>
      pipeline
        .take()
        .reduce((sum, { table, batch }) => sum + (table === 'process_events' ? batch.ends.length : 0), 0);
    for (let i = 0; i < 10; i++) pipeline.publish(exec({ pid: i, path: `/${i}` }));
    looks.send();
    pipeline.publishLooked();
    expect(rows()).toBe(0);
    expect(pipeline.expectsMore).toBe(true);
    pass(250);
    pipeline.publishLooked();
    expect(rows()).toBe(10);
    expect(pipeline.expectsMore).toBe(false);
    // Nothing piles up behind a look: beyond the limit events go without.
    for (let i = 0; i < 10_000; i++) pipeline.publish(exec({ pid: i, path: `/${i}` }));
    expect(rows()).toBeGreaterThanOrEqual(10_000 - 4_096);
    pipeline.flush();
    expect(rows()).toBeGreaterThan(0);
  });
});

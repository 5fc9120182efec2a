import { describe, expect, it } from 'vitest';
import { BATCH } from '../../src/audit/stream.ts';
import { receiveLoop } from '../../src/ingest/receive-loop.ts';

/** What the loop does, in order, on a stream that has `waiting[i]` datagrams at the i-th look. */
const run = (
  waiting: readonly number[],
  options: {
    readonly readable?: boolean;
    readonly turns?: number;
    /** Looks at events as they come: which waits for the next ones succeed, and until when. */
    readonly prompt?: { readonly waits: readonly boolean[]; readonly on?: number; readonly whole?: boolean };
  } = {},
) => {
  const waits = [...(options.prompt?.waits ?? [])];
  let on = options.prompt?.on ?? Number.POSITIVE_INFINITY;
  const steps: string[] = [];
  const left = [...waiting];
  let turns = options.turns ?? waiting.length;
  receiveLoop({
    stream: {
      receive: onDatagram => {
        const received = left.shift() ?? 0;
        for (let i = 0; i < received; i++) onDatagram(1300, Buffer.alloc(0), 0, 0);
        return received;
      },
      wait: timeout => {
        steps.push(`wait ${timeout}`);
        return options.readable ?? false;
      },
    },
    onDatagram: () => {
      if (steps.at(-1) !== 'datagram') steps.push('datagram');
    },
    onBatch: () => steps.push('batch'),
    onTurn: () => {
      steps.push('turn');
      turns--;
      return turns > 0;
    },
    pause: milliseconds => steps.push(`pause ${milliseconds < 1 ? milliseconds : Math.ceil(milliseconds)}`),
    prompt: options.prompt && {
      isOn: () => on-- > 0,
      isWhole: () => options.prompt?.whole ?? true,
      look: () => steps.push('look'),
      wait: () => {
        const has = waits.shift() ?? false;
        steps.push(has ? 'more' : 'enough');
        return has;
      },
    },
  });
  return steps;
};

describe('receiveLoop', () => {
  it('waits when there is nothing, and looks at the world in between', () => {
    expect(run([0, 0])).toEqual(['batch', 'turn', 'wait 200', 'batch', 'turn']);
  });

  it('lets the first records after a silence gather for a moment, so that a lone event is whole', () => {
    expect(run([0, 7], { readable: true })).toEqual([
      'batch',
      'turn',
      'wait 200',
      'pause 2',
      'datagram',
      'batch',
      'turn',
    ]);
  });

  it('lets records gather for longer while they keep coming, without waiting for one', () => {
    expect(run([7, 7, 0, 0])).toEqual([
      ...['datagram', 'batch', 'turn', 'pause 40'],
      ...['datagram', 'batch', 'turn', 'pause 40'],
      ...['batch', 'turn', 'wait 200'],
      ...['batch', 'turn'],
    ]);
  });

  it('lets them gather for still longer where they come close together, and only then', () => {
    const pauses = (...waiting: number[]): string[] =>
      run([...waiting, 0, 0]).filter(step => step.startsWith('pause'));
    // 480 in 40 ms, 960 in 80 ms.
    expect(pauses(7, 200, 200)).toEqual(['pause 40', 'pause 40', 'pause 40']);
    const close = [BATCH, BATCH, 100];
    expect(pauses(7, ...close, ...close, BATCH, BATCH, BATCH, BATCH, 7, 200)).toEqual([
      ...['pause 40', 'pause 80', 'pause 40', 'pause 80', 'pause 40'],
    ]);
  });

  it('does not judge by what came while others were taken', () => {
    const flood = new Array<number>(200).fill(BATCH);
    expect(run([7, ...flood, 100, 7, 0, 0]).filter(step => step.startsWith('pause'))).toEqual([
      ...['pause 40', 'pause 40', 'pause 40'],
    ]);
  });

  it('takes what fills a batch without a pause', () => {
    expect(run([BATCH, BATCH, 3], { turns: 1 })).toEqual([
      ...['datagram', 'batch', 'datagram', 'batch', 'datagram', 'batch', 'turn'],
    ]);
  });

  it('gives everything else its turn however much comes', () => {
    const steps = run(new Array(1_000).fill(BATCH), { turns: 3 });
    expect(steps.filter(step => step === 'turn')).toHaveLength(3);
    expect(steps.filter(step => step === 'batch').length).toBeLessThan(1_000);
    expect(steps.filter(step => step.startsWith('pause') || step.startsWith('wait'))).toEqual([]);
  });

  describe('where events are looked at as they come', () => {
    it('takes and looks at the first ones after a silence at once, and their rows gather', () => {
      expect(run([0, 7, 3, 0, 0], { readable: true, turns: 2, prompt: { waits: [true, false] } })).toEqual([
        ...['batch', 'turn', 'wait 200'],
        ...['datagram', 'batch', 'look', 'more', 'datagram', 'batch', 'look', 'enough'],
        ...['batch', 'turn'],
      ]);
    });

    it('goes on so while they keep coming', () => {
      expect(run([7, 3, 0, 0], { turns: 2, prompt: { waits: [true, false] } })).toEqual([
        ...['datagram', 'batch', 'turn', 'more', 'datagram', 'batch', 'look', 'enough'],
        ...['batch', 'turn'],
      ]);
    });

    it('waits for the rest of an event', () => {
      const steps = run([0, 2, 2, 0], { readable: true, turns: 2, prompt: { waits: [], whole: false } });
      expect(steps.slice(3, 8)).toEqual(['datagram', 'batch', 'pause 0.1', 'datagram', 'batch']);
    });

    it('lets them gather where there are too many, or none that want it', () => {
      expect(run([7, 0, 0], { turns: 2, prompt: { waits: [], on: 0 } })).toEqual([
        ...['datagram', 'batch', 'turn', 'pause 40'],
        ...['batch', 'turn'],
      ]);
    });

    it('does not go round in circles where what waits is not taken', () => {
      const steps = run([7, 0, 0], { turns: 2, prompt: { waits: [true, true, true] } });
      expect(steps.filter(step => step === 'more')).toHaveLength(1);
    });
  });
});

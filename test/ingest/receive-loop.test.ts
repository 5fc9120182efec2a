import { describe, expect, it } from 'vitest';
import { BATCH } from '../../src/audit/stream.ts';
import { receiveLoop } from '../../src/ingest/receive-loop.ts';

/** What the loop does, in order, on a stream that has `waiting[i]` datagrams at the i-th look. */
const run = (
  waiting: readonly number[],
  options: { readonly readable?: boolean; readonly turns?: number } = {},
) => {
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
    pause: milliseconds => steps.push(`pause ${milliseconds}`),
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
});

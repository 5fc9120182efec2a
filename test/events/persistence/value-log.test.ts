import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { ValueLog } from '../../../src/events/persistence/value-log.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** Nothing is written when a log is closed: to its file it is as if the process had been killed. */
const opened: ValueLog[] = [];
const open: typeof ValueLog.open = path => {
  const opening = ValueLog.open(path);
  opened.push(opening.log);
  return opening;
};
afterEach(async () => {
  for (const log of opened.splice(0)) await log.close();
});

const contents = (log: ValueLog): Record<string, unknown> =>
  Object.fromEntries(Array.from(log.keys(), key => [key, log.get(key)]));

describe('ValueLog', () => {
  it('has the last value of each key', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'values');
    const { log } = open(path);
    await log.write([
      ['a', 1],
      ['b', { from: 1 }],
    ]);
    await log.write([
      ['a', 2],
      ['b', undefined],
      ['c', 'x'],
    ]);
    expect(contents(open(path).log)).toEqual({ a: 2, c: 'x' });
  });

  it('has a whole number of writes after a cut at any byte', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'values');
    const { log } = open(path);
    for (let i = 0; i < 3; i++) await log.write([['n', i]]);
    const all = readFileSync(path);
    for (let length = 0; length <= all.length; length++) {
      writeFileSync(path, all.subarray(0, length));
      const cut = open(path);
      const writes = Math.floor((3 * length) / all.length);
      expect(contents(cut.log)).toEqual(writes === 0 ? {} : { n: writes - 1 });
      expect(cut.lostBytes).toBe(length - (writes * all.length) / 3);
    }
  });

  it('stays small however often a value changes', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'values');
    let { log } = open(path);
    for (let i = 0; i < 4_000; i++) {
      await log.write([['cursor', { executionId: `${i}/1700000000`, from: i, to: i + 1 }]]);
      if (i % 997 === 0) log = open(path).log;
    }
    expect(contents(open(path).log)).toEqual({
      cursor: { executionId: '3999/1700000000', from: 3999, to: 4000 },
    });
    expect(statSync(path).size).toBeLessThan(70_000);
  });

  it('reads anything without failing', () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'values');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), bytes => {
        writeFileSync(path, bytes);
        expect(contents(open(path).log)).toEqual({});
      }),
    );
  });
});

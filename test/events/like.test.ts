import sqlite3InitModule from '@sqlite.org/sqlite-wasm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { likeMatcher } from '../../src/events/like.ts';

type Sqlite = Awaited<ReturnType<typeof sqlite3InitModule>>;
let database: InstanceType<Sqlite['oo1']['DB']>;
let statement: ReturnType<typeof database.prepare>;
beforeAll(async () => {
  const sqlite = await sqlite3InitModule();
  database = new sqlite.oo1.DB(':memory:');
  statement = database.prepare('SELECT ? LIKE ?');
});
afterAll(() => {
  statement.finalize();
  database.close();
});

const sqlLike = (text: string, pattern: string): boolean => {
  statement.bind([text, pattern]).step();
  const matches = statement.getInt(0) === 1;
  statement.reset();
  return matches;
};

describe('likeMatcher', () => {
  it.each([
    ['/bin/%', '/bin/echo', true],
    ['/bin/%', '/usr/bin/echo', false],
    ['%echo', '/bin/echo', true],
    ['%ECHO', '/bin/echo', true],
    ['/bin/echo', '/bin/echo', true],
    ['/bin/ech_', '/bin/echo', true],
    ['/bin/ech__', '/bin/echo', false],
    ['%%%', '', true],
    ['', '', true],
    ['', 'x', false],
    ['_', '☃', true],
    ['_', '𝄞', true],
    ['Ü', 'ü', false],
    ['%a%b%', 'xxaxxbxx', true],
    ['a%aab', 'aaaaab', true],
    ['100%', '100%', true],
    ['a\\%', 'a\\b', true],
    ['%\n%', 'a\nb', true],
  ])('%j of %j: %s', (pattern, text, expected) => {
    expect(likeMatcher(pattern)(text)).toBe(expected);
    expect(sqlLike(text, pattern)).toBe(expected);
  });

  it('decides as SQLite does', () => {
    const unit = fc.constantFrom('a', 'A', 'b', '%', '%', '_', 'é', 'É', '☃', '𝄞', '\\', '[', '*', '.', '\n');
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 9 }),
        fc.array(fc.string({ unit, maxLength: 12 })),
        (pattern, texts) => {
          const matches = likeMatcher(pattern);
          for (const text of [...texts, pattern, pattern.replaceAll('%', 'ab').replaceAll('_', '☃'), '']) {
            expect([text, matches(text)]).toEqual([text, sqlLike(text, pattern)]);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('takes time in proportion to pattern and text, also where nothing matches', () => {
    // With a step back to each % this would not end.
    const matches = likeMatcher(`${'%a'.repeat(30)}%b`);
    expect(matches('a'.repeat(5_000))).toBe(false);
  });
});

import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CoreDatabase } from '../../src/core/database.ts';
import { openFilesIn } from '../open-files.ts';
import { anyText } from './any-text.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'core-database-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('requests', () => {
  test('get, put, remove, scan', () => {
    const database = new CoreDatabase();
    expect(database.call({ action: 'put', domain: 'queries', key: 'b', value: '2' })).toEqual([]);
    database.call({ action: 'put', domain: 'queries', key: 'a', value: '1' });
    database.call({ action: 'put', domain: 'events', key: 'a', value: 'other' });
    expect(database.call({ action: 'get', domain: 'queries', key: 'a' })).toEqual([{ v: '1' }]);
    expect(database.call({ action: 'scan', domain: 'queries', prefix: '' })).toEqual([
      { k: 'a' },
      { k: 'b' },
    ]);
    expect(database.call({ action: 'scan', domain: 'queries', prefix: 'b' })).toEqual([{ k: 'b' }]);
    expect(database.call({ action: 'scan', domain: 'queries', prefix: '', max: '1' })).toEqual([{ k: 'a' }]);
    database.call({ action: 'remove', domain: 'queries', key: 'a' });
    expect(() => database.call({ action: 'get', domain: 'queries', key: 'a' })).toThrow('NotFound');
    expect(database.call({ action: 'get', domain: 'events', key: 'a' })).toEqual([{ v: 'other' }]);
  });

  test('putBatch and remove_range', () => {
    const database = new CoreDatabase();
    database.call({ action: 'putBatch', domain: 'events', json: '{"a":"1","b":"2","c":"3"}' });
    database.call({ action: 'remove_range', domain: 'events', key: 'a', key_high: 'b' });
    expect(database.scan('events')).toEqual(['c']);
  });

  test.each([
    [{}, 'must include a request action'],
    [{ action: 'what' }, 'Unknown database plugin action'],
    [{ action: 'put', domain: 'events', key: 'a' }, 'requires a value'],
    [{ action: 'get', key: 'a' }, 'Missing domain'],
    [{ action: 'get', domain: 'nowhere', key: 'a' }, 'Could not get column family for nowhere'],
    [{ action: 'putBatch', domain: 'events', json: '{"a":1}' }, 'Only string values'],
    [{ action: 'putBatch', domain: 'events', json: 'null' }, 'Only string values'],
    [{ action: 'putBatch', domain: 'events', json: '{' }, 'Only string values'],
    [{ action: 'remove_range', domain: 'events', key: 'a' }, 'Missing range'],
  ])('%j fails', (request, message) => {
    expect(() => new CoreDatabase().call(request)).toThrow(message);
  });
});

describe('with a path', () => {
  const change = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'ü\n"'),
    value: fc.option(
      anyText().map(text => text.toWellFormed()),
      { nil: undefined },
    ),
  });

  test('is found again as it was left, without having been closed', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), changes => {
        const path = join(directory, String(Math.random()));
        const expected = new Map<string, string>();
        const database = new CoreDatabase(path);
        for (const { key, value } of changes) {
          if (value === undefined) {
            database.remove('queries', key);
            expected.delete(key);
          } else {
            database.put('queries', key, value);
            expected.set(key, value);
          }
        }
        const again = new CoreDatabase(path);
        expect(new Map(again.scan('queries').map(key => [key, again.get('queries', key)!]))).toEqual(
          expected,
        );
        database.close();
        again.close();
      }),
      { numRuns: 25 },
    );
  });

  test('is private, and drops a line that was torn', () => {
    const database = new CoreDatabase(directory);
    database.put('queries', 'a', '1');
    database.close();
    const file = join(directory, 'core.jsonl');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    appendFileSync(file, 'not json\n{"d":"queries","k":"b","v":"2"}\n{"d":"queries","k":"a","v":"tor');
    const again = new CoreDatabase(directory);
    expect(again.get('queries', 'a')).toBe('1');
    expect(again.get('queries', 'b')).toBe('2');
    again.close();
  });

  test('that a full disk does not take leaves no file open, and the old one as it was', () => {
    const path = join(directory, 'core.jsonl');
    const database = new CoreDatabase(directory);
    database.put('queries', 'a', '1');
    database.close();
    const before = readFileSync(path, 'utf8');
    symlinkSync('/dev/full', `${path}.new`);
    expect(() => new CoreDatabase(directory)).toThrow(/ENOSPC/);
    expect(openFilesIn('/dev/full')).toEqual([]);
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  test('does not grow without end', () => {
    const database = new CoreDatabase(directory);
    const value = 'x'.repeat(100_000);
    for (let round = 0; round < 200; round += 1) database.put('queries', 'a', `${round}${value}`);
    expect(readFileSync(join(directory, 'core.jsonl')).length).toBeLessThan(5_000_000);
    database.close();
    const again = new CoreDatabase(directory);
    expect(again.get('queries', 'a')).toBe(`199${value}`);
    again.close();
  });
});

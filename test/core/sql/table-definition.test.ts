import { describe, expect, test } from 'vitest';
import { createTableStatement, parseRoutes } from '../../../src/core/sql/table-definition.ts';
import { column } from '../support.ts';

const statement = (rows: Parameters<typeof parseRoutes>[0]['rows'], extension = true): string =>
  createTableStatement(parseRoutes({ name: 't', rows, extension }));

describe('createTableStatement', () => {
  test('has no key without indexes', () => {
    expect(statement([column('a', 'TEXT'), column('b', 'BIGINT')])).toBe(
      'CREATE TABLE t(`a` TEXT, `b` BIGINT)',
    );
  });

  test('makes indexed and additional columns the key, and the whole row where there are only additional ones', () => {
    expect(statement([column('a', 'TEXT', 1), column('b', 'BIGINT', 4), column('c', 'TEXT')])).toBe(
      'CREATE TABLE t(`a` TEXT, `b` BIGINT, `c` TEXT, PRIMARY KEY (`a`, `b`))',
    );
    expect(statement([column('a', 'TEXT'), column('b', 'BIGINT', 4)])).toBe(
      'CREATE TABLE t(`a` TEXT, `b` BIGINT, PRIMARY KEY (`a`, `b`))',
    );
  });

  test("leaves core's own keyed tables without row ids", () => {
    expect(statement([column('a', 'TEXT', 1)], false)).toBe(
      'CREATE TABLE t(`a` TEXT, PRIMARY KEY (`a`)) WITHOUT ROWID',
    );
  });

  test('hides columns and sets collations', () => {
    expect(statement([column('a', 'TEXT', 16 | 64), column('v', 'TEXT', 256)])).toBe(
      'CREATE TABLE t(`a` TEXT HIDDEN COLLATE NOCASE, `v` TEXT COLLATE VERSION)',
    );
  });

  test("gives an alias its target's type, hidden", () => {
    const rows = [column('a', 'BIGINT'), { id: 'columnAlias', name: 'b', target: 'a' }];
    expect(statement(rows)).toBe('CREATE TABLE t(`a` BIGINT, `b` BIGINT HIDDEN)');
    expect(statement([...rows, { id: 'columnAlias', name: 'c', target: 'nobody' }])).toBe(statement(rows));
  });

  test('takes a type it does not know for UNKNOWN', () => {
    expect(statement([column('a', 'UNSIGNED BIGINT'), column('b', 'UNSIGNED_BIGINT')])).toBe(
      'CREATE TABLE t(`a` UNSIGNED BIGINT, `b` UNKNOWN)',
    );
  });

  test('refuses a name that would be SQL', () => {
    expect(() =>
      createTableStatement(parseRoutes({ name: 't(x);--', rows: [column('a', 'TEXT')], extension: true })),
    ).toThrow('expected a table name');
  });

  test('cannot be left through a column name', () => {
    expect(statement([column('a` TEXT); DROP TABLE x; --', 'TEXT')])).toBe(
      'CREATE TABLE t(`a`` TEXT); DROP TABLE x; --` TEXT)',
    );
  });
});

test('parseRoutes passes over what it does not know', () => {
  const table = parseRoutes({
    name: 't',
    rows: [
      {},
      { id: 'else' },
      { id: 'column', name: 'no type' },
      column('a', 'TEXT'),
      { id: 'alias', alias: 'v' },
    ],
    extension: true,
  });
  expect(table.columns.map(({ name }) => name)).toEqual(['a']);
  expect(table.views).toEqual(['v']);
});

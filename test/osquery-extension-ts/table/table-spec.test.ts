import type { ColumnSpec, TableSpec } from 'osquery-extension-ts';
import { COLLATION_BITS, columnOptionBits, columnRoutes } from 'osquery-extension-ts/protocol';
import type { Collation, ColumnOptions, ColumnType } from 'osquery-extension-ts/types';
import { describe, expect, it } from 'vitest';
import recorded from '../fixtures/osquery-5.23-columns.json' with { type: 'json' };

type RouteRow = Record<string, string>;

/** The table that osquery describes with these rows. */
function specOf(name: string, rows: readonly RouteRow[]): TableSpec {
  const bit = (row: RouteRow, mask: number): boolean => (Number(row.op) & mask) !== 0;
  return {
    name,
    columns: rows
      .filter(row => row.id === 'column')
      .map(row => ({
        name: row.name!,
        type: row.type as ColumnType,
        options: { additional: bit(row, 4), hidden: bit(row, 16), index: bit(row, 1) },
      })),
    columnAliases: Object.fromEntries(
      rows.filter(row => row.id === 'columnAlias').map(row => [row.name!, row.target!]),
    ),
    attributes: { eventBased: true },
  };
}

describe('columnRoutes', () => {
  it.each(Object.entries(recorded))('describes %s as osquery 5.23 does', (name, rows) => {
    expect(columnRoutes(specOf(name, rows as unknown as RouteRow[]))).toEqual(rows);
  });

  it('writes everything a table can have', () => {
    expect(
      columnRoutes({
        name: 'everything',
        columns: [
          { name: 'a', type: 'UNSIGNED BIGINT', options: { index: true, optimized: true } },
          { name: 'b', type: 'BLOB', options: { required: true, collation: 'NOCASE' } },
          { name: 'c', type: 'DOUBLE' },
        ],
        aliases: ['all_things', 'anything'],
        columnAliases: { second: 'b', z: 'a', y: 'a' },
        attributes: { utility: true, cacheable: true, eventBased: true, userBased: true },
      }),
    ).toEqual([
      { id: 'column', name: 'a', type: 'UNSIGNED BIGINT', op: '9' },
      { id: 'column', name: 'b', type: 'BLOB', op: '66' },
      { id: 'column', name: 'c', type: 'DOUBLE', op: '0' },
      { id: 'alias', alias: 'all_things' },
      { id: 'alias', alias: 'anything' },
      { id: 'columnAlias', name: 'y', target: 'a' },
      { id: 'columnAlias', name: 'z', target: 'a' },
      { id: 'columnAlias', name: 'second', target: 'b' },
      { id: 'attributes', attributes: '15' },
    ]);
  });

  it.each([
    [{ index: true }, 1],
    [{ required: true }, 2],
    [{ additional: true }, 4],
    [{ optimized: true }, 8],
    [{ hidden: true }, 16],
    [{ index: false, hidden: true, additional: true }, 20],
  ] satisfies [ColumnOptions, number][])('gives %o the bits %i', (options, bits) => {
    expect(columnOptionBits(options)).toBe(bits);
  });

  it('gives the collations the bits 32 to 2048', () => {
    const names: Collation[] = [
      'BINARY',
      'NOCASE',
      'RTRIM',
      'VERSION',
      'VERSION_ARCH',
      'VERSION_DPKG',
      'VERSION_RHEL',
    ];
    expect(names.map(name => COLLATION_BITS[name])).toEqual([32, 64, 128, 256, 512, 1024, 2048]);
    expect(columnOptionBits({ collation: 'VERSION_RHEL', hidden: true })).toBe(2064);
  });

  const column = (name: string): ColumnSpec => ({ name, type: 'TEXT' });
  it.each<[string, TableSpec, RegExp]>([
    ['no columns', { name: 't', columns: [] }, /no columns/],
    ['a name that SQL cannot hold', { name: 't; drop', columns: [column('a')] }, /table name "t; drop"/],
    ['a column name that SQL cannot hold', { name: 't', columns: [column('a b')] }, /column name "a b"/],
    ['a column twice', { name: 't', columns: [column('a'), column('A')] }, /column A appears twice/],
    [
      'a type that osquery does not know',
      { name: 't', columns: [{ name: 'a', type: 'UNSIGNED_BIGINT' as ColumnType }] },
      /expected one of TEXT, INTEGER, BIGINT, UNSIGNED BIGINT, DOUBLE, BLOB/,
    ],
    [
      'an alias of a column that is not there',
      { name: 't', columns: [column('a')], columnAliases: { b: 'c' } },
      /column alias b of unknown column c/,
    ],
    ['an alias of its own name', { name: 't', columns: [column('a')], aliases: ['T'] }, /alias is the name/],
  ])('refuses %s', (_, spec, message) => {
    expect(() => columnRoutes(spec)).toThrowError(message);
  });

  it('checks column aliases when compiling', () => {
    const columns = [{ name: 'a', type: 'TEXT' }] as const satisfies readonly ColumnSpec[];
    const good: TableSpec<typeof columns> = { name: 't', columns, columnAliases: { b: 'a' } };
    // @ts-expect-error there is no column c
    const bad: TableSpec<typeof columns> = { name: 't', columns, columnAliases: { b: 'c' } };
    expect(columnRoutes(good)).toHaveLength(3);
    expect(() => columnRoutes(bad)).toThrow();
  });
});

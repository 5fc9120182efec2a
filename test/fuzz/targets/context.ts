import { readFileSync } from 'node:fs';
import { OsqueryError } from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { maskOf } from '../../../src/events/encoded-row.ts';
import { selectionOf } from '../../../src/events/row-filter.ts';
import { ContextParser } from '../../../src/osquery-extension-ts/src/table/context-parser.ts';
import { columns, filledBuffer } from '../../events/event-rows.ts';
import { check, checkEqual, type FuzzTarget, refusals } from '../target.ts';

const CONTEXTS = new URL('../../core/osqueryd-5.23-contexts.txt', import.meta.url);

const ROWS = [
  { path: '/bin/ls', pid: 1, note: '0755', time: 100 },
  { path: '/BIN/LS  ', pid: 4294967295, time: 101 },
  { path: '', pid: -1, note: 'Ä%_', time: 102 },
  { pid: 5, note: '5.0', time: 103 },
];
const contexts = new ContextParser();
const { buffer } = filledBuffer(ROWS);
const names = new Set<string>(columns.map(({ name }) => name));

/** The context of a SELECT: refused, or rows of the table, of which every equality that holds is there. */
export const context: FuzzTarget = {
  name: 'context',
  maxBytes: 800,
  seeds: () => {
    const recorded = readFileSync(CONTEXTS, 'utf8')
      .split('\n')
      .flatMap(line => /"context": "(.*)"\}$/.exec(line)?.[1] ?? [])
      .map(text => text.replaceAll('"txt"', '"path"').replaceAll('"i"', '"pid"').replaceAll('"b"', '"time"'))
      .map(text => Buffer.from(text.slice(0, 780)));
    const own = [
      { constraints: [{ name: 'path', affinity: 'TEXT', list: [{ op: 2, expr: '/bin/ls' }] }] },
      {
        constraints: [{ name: 'pid', list: [{ op: '2', expr: 5 }] }],
        colsUsed: ['pid', 'file'],
        colsUsedBitset: 3,
      },
      {
        constraints: [
          {
            name: 'time',
            list: [
              { op: 32, expr: '101' },
              { op: 8, expr: '9e99' },
            ],
          },
        ],
      },
      {
        constraints: [
          { name: 'eid', list: [{ op: 2, expr: '0000000003' }] },
          { name: 'note', list: '' },
        ],
      },
      {
        constraints: [
          { name: 'note', list: [{ op: 65, expr: '%5_%' }] },
          { name: 'x', list: [{ op: 73, expr: '1' }] },
        ],
      },
    ];
    return [...recorded, ...own.map(value => Buffer.from(JSON.stringify(value)))];
  },
  words: [
    '"constraints":[',
    '{"name":"path","list":[',
    '{"op":2,"expr":"',
    '"colsUsed":[',
    '"colsUsedBitset":18446744073709551615',
    '__proto__',
    'null',
    '{}',
    '[]',
    '""',
    '\\u0000',
    '\\ud800',
    '1e308',
    '-0',
    '%',
    '_',
    '65',
    '73',
    ']}',
  ],
  run(input) {
    const parsed = refusals(OsqueryError, () => contexts.parse(input.toString('utf8')));
    if (parsed === undefined) return;
    const { range, times, filter } = selectionOf(parsed, columns, buffer.overheads);
    check(range === undefined || !Number.isNaN(range.from + range.to), 'a range of numbers');
    const { from, to } = buffer.range;
    const asked = { from: Math.max(from, range?.from ?? from), to: Math.min(to, range?.to ?? to), times };
    const wanted = parsed.colsUsed;
    const mask = maskOf(columns.flatMap(({ name }, index) => (wanted?.has(name) === false ? [] : [index])));
    const rows = decodeRows(buffer.select(asked, mask, { filter }));
    for (const row of rows) {
      for (const name of Object.keys(row)) {
        check(
          names.has(name) && wanted?.has(name) !== false,
          `the column ${name} is the table's, and was asked for`,
        );
      }
    }
    // What SQLite would keep by plain equality of text must be left to it.
    ROWS.forEach((row, index) => {
      const values: Readonly<Record<string, string | undefined>> = {
        path: row.path,
        pid: String(row.pid),
        note: row.note,
        time: String(row.time),
        eid: String(index + 1).padStart(10, '0'),
      };
      const isKept = [...parsed.constraints].every(
        ([name, { list }]) =>
          !Object.hasOwn(values, name) || list.every(({ op, expr }) => op === 2 && expr === values[name]),
      );
      if (!isKept || wanted !== undefined) return;
      checkEqual(rows.filter(({ eid }) => eid === values.eid).length, 1, `answers with row ${index + 1}`);
    });
  },
};

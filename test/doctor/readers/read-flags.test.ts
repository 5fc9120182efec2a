import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readFlags } from '../../../src/doctor/readers/read-flags.ts';
import { fakeRoot } from '../fake-root.ts';

const PATH = '/etc/osquery/osquery.flags';
const read = (text: string) => readFlags(fakeRoot({ [PATH]: text }));

test('values are canonical, the last one wins', () => {
  expect(
    read('# comment\n--disable_audit=1\n--nodisable_events\n--events_max=5\n--events_max=0x10\n'),
  ).toEqual({
    kind: 'file',
    path: PATH,
    values: new Map([
      ['disable_audit', 'true'],
      ['disable_events', 'false'],
      ['events_max', '16'],
    ]),
    problems: [],
  });
});

test('lines that osqueryd skips are named, and the rest is read', () => {
  const flags = read('--audit_alow_config=true\nwords\n--events_max=many\n--disable_audit\n');
  expect(flags).toMatchObject({
    values: new Map([['disable_audit', 'true']]),
    problems: [
      expect.stringContaining(
        'line 1: unknown flag --audit_alow_config (did you mean --audit_allow_config?)',
      ),
      'line 2 is not a flag: "words"',
      expect.stringContaining('line 3: --events_max: expected a whole number'),
    ],
  });
});

test('a flagfile that names another', () => {
  const root = fakeRoot({ [PATH]: '--flagfile=/etc/more.flags\n', '/etc/more.flags': '--events_max=7\n' });
  expect(readFlags(root)).toMatchObject({ values: new Map([['events_max', '7']]), problems: [] });
});

test('the flagfile that this project ships has no problems', () => {
  const text = readFileSync(new URL('../../../osquery.flags', import.meta.url), 'utf8');
  expect(read(text)).toMatchObject({ kind: 'file', problems: [] });
});

test('no file, and a directory in its place', () => {
  expect(readFlags(fakeRoot({}))).toEqual({ kind: 'missing', path: PATH });
  expect(readFlags(fakeRoot({ [PATH]: { directory: true } }))).toEqual({
    kind: 'unreadable',
    path: PATH,
    why: 'it is a directory',
  });
});

test('a file that is too large', () => {
  expect(read('#'.repeat(1024 * 1024 + 1))).toMatchObject({
    kind: 'unreadable',
    why: expect.stringContaining('larger'),
  });
});

test('no text breaks it, and complaints are bounded', () => {
  const root = fakeRoot({});
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 30 }), { maxLength: 40 }), lines => {
      const flags = read(lines.join('\n--'));
      expect(flags.kind === 'file' && flags.problems.length <= 20).toBe(true);
    }),
    { numRuns: 50 },
  );
  expect(readFlags(root).kind).toBe('missing');
});

import { FieldCursor, keyHash } from '../../../src/audit/record.ts';
import {
  DAMAGED,
  decimal,
  decodeHex,
  decodeText,
  hexWord,
  needsHex,
  plainText,
  readText,
  untrustedBytes,
  untrustedText,
} from '../../../src/audit/value.ts';
import { recordedPayloads } from '../seeds.ts';
import { check, checkEqual, type FuzzTarget } from '../target.ts';
import { textOf } from '../text-of.ts';

/** A field and what follows; `'` reaches to the last one of the record. */
const FIELD = /([^= ]*)=(?:"([^"]*)"|'(.*)'|([^ ]*))/sy;
const BLANKS = / */y;
const WORD = /[^= ]*(?= |$)/y;

type Field = readonly [key: string, value: string, quoted: boolean];

/** What the fields of a record are, by regular expressions. */
const fieldsOf = (text: string): Field[] => {
  const fields: Field[] = [];
  for (let at = 0; ; ) {
    BLANKS.lastIndex = at;
    BLANKS.test(text);
    at = BLANKS.lastIndex;
    if (at >= text.length) return fields;
    WORD.lastIndex = at;
    if (WORD.test(text)) {
      at = WORD.lastIndex;
      continue;
    }
    FIELD.lastIndex = at;
    const [, key, double, single, bare] = FIELD.exec(text)!;
    fields.push([key!, double ?? single ?? bare!, bare === undefined]);
    at = FIELD.lastIndex;
  }
};

const FOREIGN = Buffer.from(`" ' x=1`);

/** The fields of a record and what is read of each, against regular expressions. */
export const record: FuzzTarget = {
  name: 'record',
  maxBytes: 600,
  seeds: () =>
    recordedPayloads(1300, 1302, 1306, 1307, 1309, 1100, 1101, 1103, 1105).map(payload =>
      payload.subarray(payload.indexOf(')') + 3),
    ),
  words: [
    'comm=',
    'exe=',
    'key="',
    "msg='",
    'a0=',
    'a1[0]=',
    '(null)',
    '(none)',
    '?',
    'DEADBEEF',
    '=',
    '"',
    "'",
    ' ',
  ],
  run(input) {
    const bytes = Buffer.concat([FOREIGN, input, FOREIGN]);
    const cursor = new FieldCursor().reset(bytes, FOREIGN.length, FOREIGN.length + input.length);
    const expected = fieldsOf(input.toString('latin1'));
    let index = 0;
    while (cursor.next()) {
      const [key, value, quoted] = expected[index++] ?? ['', 'no further field', false];
      checkEqual(bytes.toString('latin1', cursor.keyStart, cursor.keyEnd), key, 'key');
      checkEqual(bytes.toString('latin1', cursor.valueStart, cursor.valueEnd), value, `value of ${key}`);
      checkEqual(cursor.quoted, quoted, `whether the value of ${key} is quoted`);
      checkEqual(cursor.key, keyHash(key), `hash of ${key}`);

      const raw = Buffer.from(value, 'latin1');
      const isAbsent = !quoted && ['', '?', '(null)', '(none)'].includes(value);
      const isHex = /^(?:[0-9a-fA-F]{2})*$/.test(value);
      const untrusted = quoted ? raw : isHex && !isAbsent ? Buffer.from(value, 'hex') : undefined;
      const text = untrusted && textOf(untrusted);
      checkEqual(untrustedText(cursor), text, `text of ${key}`);
      checkEqual(plainText(cursor), isAbsent ? undefined : textOf(raw), `plain text of ${key}`);
      checkEqual(decodeText(raw), textOf(raw), `value of ${key} as text`);
      const read = readText(cursor);
      check(read === text || read === DAMAGED, `text of ${key} where damage is told`);
      if (quoted || isAbsent) check((read === DAMAGED) === (value === '' && !quoted), `damage in ${key}`);
      else
        check((read === DAMAGED) === !(untrusted !== undefined && needsHex(untrusted)), `damage in ${key}`);
      check(untrustedBytes(cursor)?.length === untrusted?.length, `bytes of ${key}`);
      checkEqual(decodeHex(raw, 0, raw.length) !== undefined, isHex, `whether ${key} is hex`);
      const number = /^-?\d+$/.test(value) ? Number(value) : undefined;
      const got = decimal(cursor);
      check(got === number || Math.abs(got! - number!) <= Math.abs(number!) * 1e-12, `number in ${key}`);
      const word = /^[0-9a-fA-F]+$/.test(value) ? Number.parseInt(value.slice(-8), 16) : undefined;
      checkEqual(hexWord(cursor), word, `hexadecimal number in ${key}`);
    }
    checkEqual(index, expected.length, 'number of fields');
  },
};

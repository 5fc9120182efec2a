import { parseRecord } from '../../../src/audit/record.ts';
import { recordedPayloads } from '../seeds.ts';
import { check, checkEqual, type FuzzTarget } from '../target.ts';

const HEADER = /^audit\((\d+)\.(\d+):(\d+)\):/;

/** The first 64 KiB of a larger arena: nothing outside of the record may matter. */
const before = Buffer.from('audit(1.1:1): x="');

/** The header of a record, against a regular expression that says the same. */
export const header: FuzzTarget = {
  name: 'header',
  maxBytes: 200,
  seeds: () => [
    ...recordedPayloads(1300, 1320, 1309).map(payload => payload.subarray(0, 80)),
    Buffer.from('audit(0.000:0): '),
    Buffer.from('audit(9007199254740991.999:4294967295): \n\0'),
    Buffer.from('audit(9007199254740992.1000:4294967296):'),
  ],
  words: ['audit(', '0', '99999999999999999999', '4294967296', '.', ':', '):', '): ', ' ', '\n', '\0', '('],
  run(input) {
    const arena = Buffer.concat([before, input, before]);
    const start = before.length;
    const end = start + input.length;
    const record = parseRecord(1300, arena, start, end);
    const match = HEADER.exec(input.toString('latin1'));
    const [seconds, milliseconds, serial] = match === null ? [] : match.slice(1).map(Number);
    const isWhole =
      match !== null && seconds! <= Number.MAX_SAFE_INTEGER && milliseconds! <= 999 && serial! <= 0xffffffff;
    checkEqual(record !== undefined, isWhole, 'whether there is a header');
    if (record === undefined) return;
    checkEqual(record.seconds, seconds, 'seconds');
    checkEqual(record.milliseconds, milliseconds, 'milliseconds');
    checkEqual(record.serial, serial, 'serial');
    check(
      record.start <= record.end && record.start >= start && record.end <= end,
      'fields lie in the record',
    );
    const fields = input
      .subarray(match![0].length)
      .toString('latin1')
      .replace(/[\n\0 ]+$/, '')
      .replace(/^ +/, '');
    checkEqual(arena.toString('latin1', record.start, record.end), fields, 'fields');
  },
};

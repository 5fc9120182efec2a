import { joinArguments } from '../../../src/audit/execve.ts';
import { type AuditRecord, parseRecord } from '../../../src/audit/record.ts';
import { execveFields, payload, record } from '../../audit/kernel-records.ts';
import { recordedPayloads } from '../seeds.ts';
import { check, checkEqual, type FuzzTarget, InvariantError, show } from '../target.ts';
import { textOf } from '../text-of.ts';

const AUDIT_EXECVE = 1309;

/** An argument of the input that begins with this byte is repeated to as many bytes as its second byte says. */
const REPEAT = 1;
/** One longer than a record among them, seldom: it takes a hundred times as long as an argument as it stands. */
const LENGTHS = [0, 100, 100, 100, 1_300, 1_300, 2_600, 9_100];
/** Of all arguments together: enough for several records. */
const MOST_BYTES = 10_000;

/** Arguments between NULs, as in memory. */
const argumentsOf = (input: Buffer): Buffer[] => {
  const argv: Buffer[] = [];
  let bytes = 0;
  for (let at = 0; at <= input.length && bytes < MOST_BYTES; ) {
    const nul = input.indexOf(0, at);
    const end = nul < 0 ? input.length : nul;
    const written = input.subarray(at, end);
    const argument =
      written[0] === REPEAT && written.length > 2
        ? Buffer.alloc(LENGTHS[written[1]! & 7]!, written.subarray(2))
        : written;
    argv.push(argument);
    bytes += argument.length;
    at = end + 1;
  }
  return argv;
};

/** Arguments as the kernel writes them are read as they were; with a record less they are not read at all. */
export const execve: FuzzTarget = {
  name: 'execve',
  maxBytes: 400,
  seeds: () => [
    Buffer.from('\0/bin/true\0\0a"b\0tail"\0back\\\0new\nline\0Grüße\0DEADBEEF\0(null)\0a1="x"\0'),
    Buffer.from('\x01/bin/true\0\x01\x071234567890\0\x01\x07words and words \0end'),
    Buffer.from('\x02/bin/sh\0\x01\x03x\0\x01\x07"\0\x01\x07\xff\xfe\0', 'latin1'),
    Buffer.concat([Buffer.from([3]), Buffer.from('\0'.repeat(60))]),
  ],
  words: [
    'a0=',
    'argc=2',
    'a1_len=9000',
    'a1[0]="',
    '"',
    '\0',
    '\x01\x04',
    '\x01\x07',
    '\x1d',
    'type=EXECVE msg=audit(1.1:1): ',
  ],
  run(input) {
    if (input.length === 0) return;
    const argv = argumentsOf(input.subarray(1));
    const records = execveFields(argv).map(fields => record(AUDIT_EXECVE, fields));
    const joined = joinArguments(records);
    const expected = argv.map(textOf);
    if (joined?.length !== expected.length || joined.some((text, index) => text !== expected[index]))
      throw new InvariantError(`arguments: expected ${show(expected)}, got ${show(joined)}`);
    if (records.length === 1) return;
    const lost = input[0]! % records.length;
    const rest = joinArguments(records.filter((_, index) => index !== lost));
    checkEqual(rest, undefined, `arguments without record ${lost} of ${records.length}`);
  },
};

/** Whatever stands in EXECVE records: as many arguments as they announce, or none. */
export const execveText: FuzzTarget = {
  name: 'execve-text',
  maxBytes: 1_000,
  seeds: () => [
    ...recordedPayloads(AUDIT_EXECVE).map(bytes => bytes.subarray(bytes.indexOf(')') + 3).subarray(0, 500)),
    Buffer.from('argc=2 a0="x" a1_len=4 a1[0]="ab"\n a1[1]="cd"'),
    Buffer.from('argc=3 a0="x" a1_len=8 a1[0]=6162\n a1[1]=6364\n a2=20'),
    Buffer.from('argc=5 a0="x" a4="y"'),
  ],
  words: [
    'argc=',
    'a0=',
    'a1=',
    'a1_len=',
    'a1[0]=',
    'a1[1]=',
    'a2=',
    '"',
    '\n',
    '4',
    '7373',
    '(null)',
    '-1',
    '1000000',
  ],
  run(input) {
    const records: AuditRecord[] = [];
    for (const line of input.toString('latin1').split('\n')) {
      const bytes = payload(line);
      records.push(parseRecord(AUDIT_EXECVE, bytes, 0, bytes.length)!);
    }
    const argv = joinArguments(records);
    if (argv === undefined) return;
    // A count in quotes, or of -0, is read as well. The kernel writes neither.
    const announced = [...input.toString('latin1').matchAll(/argc=["']?(-?\d+)/g)].map(([, count]) =>
      Number(count),
    );
    check(announced.includes(argv.length), `${argv.length} arguments, announced are ${announced.join()}`);
    // What has no bytes here is empty: an argument is never longer than what was written of it, as `\xHH` at most.
    const written = argv.reduce((sum, argument) => sum + argument.length, 0);
    check(written <= 4 * input.length, `${written} characters of arguments from ${input.length} bytes`);
  },
};

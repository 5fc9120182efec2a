import {
  execveFields,
  pathFields,
  payload,
  type Stamp,
  saddrFields,
  syscallFields,
  untrusted,
} from '../../audit/kernel-records.ts';
import { allRows, type TableRow } from '../all-rows.ts';
import { everyTablePipeline } from '../every-table-pipeline.ts';
import { check, checkEqual, type FuzzTarget } from '../target.ts';
import { textOf } from '../text-of.ts';

/** Between the texts of an input. */
const SEPARATOR = 0xfe;

const hostile = [
  'type=SYSCALL msg=audit(1.1:1): ',
  'audit(1795474704.082:386): ',
  '\n1300 audit(1.001:2): arch=c000003e syscall=59 ',
  '\x1d',
  '"',
  "'",
  '" exe="/bin/evil',
  ' exe="/bin/evil"',
  ' (deleted)',
  ' key="osquery-audit-events"',
  'auid=0',
  '(null)',
  '?',
  'DEADBEEF',
  '\xfe',
  '\\x00',
  "msg='",
];

/** One for all inputs: what one leaves behind would show in the next. */
const pipeline = everyTablePipeline();
let serial = 0;

/**
 * A host on which somebody chooses every text there is: name, program, arguments, directory, file, socket and rule key
 * of an execution and a connection, and the message of a program. All rows are there, and each text is in its own column
 * and nowhere else.
 */
export const forgery: FuzzTarget = {
  name: 'forgery',
  maxBytes: 400,
  seeds: () => [
    Buffer.from(
      ['sh', '/bin/sh', '/tmp', '/bin/sh', 'key', '/run/s', "op=x acct='", '-c', 'true'].join('\xfe'),
      'latin1',
    ),
    ...hostile.map(text => Buffer.from(new Array(9).fill(text).join('\xfe'), 'latin1')),
  ],
  words: hostile.map(text => Buffer.from(text, 'latin1')),
  run(input) {
    const texts: Buffer[] = [];
    for (let at = 0; at <= input.length; ) {
      const next = input.indexOf(SEPARATOR, at);
      const end = next < 0 ? input.length : next;
      // No text of a process or a file has a NUL in it.
      texts.push(Buffer.from(input.subarray(at, end).filter(byte => byte !== 0)));
      at = end + 1;
    }
    const [comm, program, directory, file, key, socket, message, ...argv] = [
      ...texts,
      ...new Array<Buffer>(Math.max(0, 8 - texts.length)).fill(Buffer.from('x')),
    ] as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer, Buffer, ...Buffer[]];
    const name = comm.subarray(0, 15);
    const exe = Buffer.concat([Buffer.from('/'), program]);
    const cwd = Buffer.concat([Buffer.from('/'), directory]);
    const path = Buffer.concat([Buffer.from('/'), socket.subarray(0, 100)]);

    const push = (type: number, fields: string, stamp: Stamp): void => {
      const bytes = payload(fields, stamp);
      pipeline.push(type, bytes, 0, bytes.length);
    };
    const at = (number: number): Stamp => ({ seconds: 1_700_000_000, milliseconds: 1, serial: number });
    const [exec, connect, user, other] = [at(++serial), at(++serial), at(++serial), at(++serial)];
    const actor = { comm: name, exe, key };
    push(1300, syscallFields({ ...actor, items: 1 }), exec);
    // Somebody else's, in between.
    push(1300, syscallFields({ items: 1, pid: 77 }), other);
    for (const fields of execveFields(argv)) push(1309, fields, exec);
    push(1309, 'argc=1 a0="honest"', other);
    push(1307, `cwd=${untrusted(cwd)}`, exec);
    push(1307, 'cwd="/honest"', other);
    push(1302, pathFields(0, file), exec);
    push(1302, pathFields(0, '/bin/honest'), other);
    push(1327, `proctitle=${untrusted(argv[0]!)}`, exec);
    push(1300, syscallFields({ ...actor, syscall: 42, a0: '3', items: 0 }), connect);
    push(1306, saddrFields(Buffer.concat([Buffer.from([1, 0]), path, Buffer.from([0])])), connect);
    push(1320, '', connect);
    push(1320, '', other);
    push(1100, `pid=7 uid=8 auid=9 ses=10 subj=unconfined msg='${message.toString('latin1')}'`, user);
    pipeline.settle();
    const counters = pipeline.counters();
    checkEqual(counters.malformed + counters.malformedRecords + counters.incomplete, 0, 'records found bad');

    const rows = allRows(pipeline.take());
    const only = (table: string, { serial: number }: Stamp): TableRow => {
      const found = rows.filter(row => row.table === table && row.values.audit_id?.endsWith(`:${number}`));
      checkEqual(found.length, 1, `rows of ${table} for event ${number}`);
      return found[0]!;
    };
    const expectAll = ({ table, values }: TableRow, expected: Readonly<Record<string, string>>): void => {
      for (const [column, value] of Object.entries(expected))
        checkEqual(values[column], value, `${table}.${column}`);
    };
    const ids = { pid: '13993', ppid: '13983', auid: '1000', uid: '1', gid: '2', euid: '3', egid: '6' };
    const arguments_ = argv.map(textOf);
    expectAll(only('process_events', exec), {
      ...ids,
      comm: textOf(name),
      exe: textOf(exe),
      path: textOf(exe),
      cwd: textOf(cwd),
      cmdline: arguments_.join(' '),
      argv: JSON.stringify(arguments_),
      syscall: 'execve',
      mode: '0100755',
    });
    expectAll(only('process_events', other), { pid: '77', cwd: '/honest', cmdline: 'honest', comm: 'echo' });
    expectAll(only('socket_events', connect), {
      pid: '13993',
      auid: '1000',
      path: textOf(exe),
      socket: textOf(path),
      family: '1',
      fd: '3',
      action: 'connect',
      remote_port: '0',
    });
    const users = rows.filter(row => row.table === 'user_events');
    checkEqual(users.length, 1, 'rows of user_events');
    expectAll(users[0]!, { pid: '7', uid: '8', auid: '9', type: '1100', message: textOf(message) });
    checkEqual(rows.length, 4, 'rows in all');
    check(
      rows.every(row => Object.values(row.values).every(value => value.isWellFormed())),
      'all values are well-formed text',
    );
  },
};

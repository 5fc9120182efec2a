import { describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../src/audit/audit-event.ts';
import { type Interests, Interpreter } from '../../src/audit/interpreter.ts';
import type { TaskKind } from '../../src/audit/process-event.ts';
import {
  execveFields,
  group,
  pathFields,
  type SyscallValues,
  saddrFields,
  sockaddrIn,
  syscallFields,
} from './kernel-records.ts';

const SYSCALL = 1300;
const PATH = 1302;
const SOCKETCALL = 1304;
const SOCKADDR = 1306;
const CWD = 1307;
const EXECVE = 1309;
const CONFIG_CHANGE = 1305;
const AVC = 1400;
const LOGIN = 1006;
const ALL: Interests = {
  syscalls: new Set([
    'execve',
    'execveat',
    'fork',
    'vfork',
    'clone',
    'clone3',
    'kill',
    'tkill',
    'tgkill',
    'bind',
    'connect',
    'accept',
    'accept4',
  ]),
  userMessages: true,
  reports: new Set([AVC]),
  datagrams: true,
};

type Records = readonly (readonly [type: number, fields: string])[];
const exec = (values: SyscallValues = {}, argv = execveFields(['/bin/echo', 'x'])): Records => [
  [SYSCALL, syscallFields({ items: 1, ...values })],
  ...argv.map((fields): Records[number] => [EXECVE, fields]),
  [CWD, 'cwd="/"'],
  [PATH, pathFields(0, '/bin/echo')],
];
const connect = (values: SyscallValues = {}): Records => [
  [SYSCALL, syscallFields({ syscall: 42, items: 0, a0: '4', ...values })],
  [SOCKADDR, saddrFields(sockaddrIn('192.0.2.1', 443))],
];
const call = (values: SyscallValues): Records => [[SYSCALL, syscallFields({ items: 0, ...values })]];

const interpret = (records: Records, interests = ALL, task: TaskKind = 'process') => {
  const interpreter = new Interpreter(interests, () => task);
  const events: readonly AuditEvent[] = interpreter.interpret(group(...records));
  expect(events.length).toBeLessThan(2);
  return { event: events[0], counters: interpreter.counters };
};
const NOTHING = { filtered: 0, malformed: 0, incomplete: 0, unusable: 0, unknownArch: 0 };

describe('Interpreter', () => {
  it.each<[string, Records, Partial<AuditEvent>]>([
    ['an exec', exec(), { kind: 'process', action: 'exec', syscall: 'execve' }],
    ['execveat', exec({ syscall: 322 }), { kind: 'process', action: 'exec', syscall: 'execveat' }],
    ['a 32-bit exec', exec({ arch: '40000003', syscall: 11 }), { kind: 'process', syscall: 'execve' }],
    ['an arm64 exec', exec({ arch: 'c00000b7', syscall: 221 }), { kind: 'process', syscall: 'execve' }],
    ['a fork', call({ syscall: 57, exit: 5 }), { kind: 'process', action: 'fork', pid: 5, parent: 13993 }],
    ['a vfork', call({ syscall: 58, exit: 5 }), { kind: 'process', action: 'fork', pid: 5 }],
    [
      'a clone',
      call({ syscall: 56, exit: 5, a0: '1200011' }),
      { kind: 'process', action: 'fork', parent: 13993 },
    ],
    [
      'a clone with CLONE_PARENT',
      call({ syscall: 56, exit: 5, a0: '1208011' }),
      { kind: 'process', action: 'fork', parent: 13983 },
    ],
    ['a kill', call({ syscall: 62, a0: '5' }), { kind: 'process', action: 'kill', pid: 13993 }],
    ['a connect', connect(), { kind: 'socket', action: 'connect', outcome: 'succeeded' }],
    [
      'a connect in progress',
      connect({ success: 'no', exit: -115 }),
      { kind: 'socket', outcome: 'in_progress', exit: -115 },
    ],
    ['a failed connect', connect({ success: 'no', exit: -111 }), { kind: 'socket', outcome: 'failed' }],
    [
      'an accept without a client',
      call({ syscall: 288, success: 'no', exit: -11, a0: '3' }),
      { kind: 'socket', action: 'accept', outcome: 'no_client', family: undefined },
    ],
    [
      'a connect through socketcall',
      [
        [SYSCALL, syscallFields({ arch: '40000003', syscall: 102, a0: '3', items: 0 })],
        [SOCKETCALL, 'nargs=3 a0=7 a1=80480c2 a2=10'],
        [SOCKADDR, saddrFields(sockaddrIn('127.0.0.1', 53))],
      ],
      { kind: 'socket', action: 'connect', fd: 7, remote: { address: '127.0.0.1', port: 53 } },
    ],
    [
      'a user message',
      [[1100, "pid=1 uid=0 auid=0 ses=1 msg='op=x'"]],
      { kind: 'user', type: 1100, op: 'x' },
    ],
    [
      'a record that is an event by itself',
      [[AVC, 'avc:  denied  { read } for  pid=1 comm="x"']],
      { kind: 'record', type: AVC },
    ],
  ])('makes an event of %s', (_, records, expected) => {
    const { event, counters } = interpret(records);
    expect(event).toMatchObject(expected);
    expect(counters).toEqual(NOTHING);
  });

  it.each<[string, Records]>([
    ['a failed exec', exec({ success: 'no', exit: -2 })],
    ['a failed fork', call({ syscall: 57, success: 'no', exit: -11 })],
    ['a failed kill', call({ syscall: 62, success: 'no', exit: -3 })],
    ['a new thread', call({ syscall: 56, exit: 5, a0: '3d0f00' })],
    ['an open', call({ syscall: 257 })],
    ['a 32-bit call with the number of an exec', call({ arch: '40000003', syscall: 59 })],
    ['a socketcall that is none of ours', call({ arch: '40000003', syscall: 102, a0: '1' })],
    ['an address of another family', [connect()[0]!, [SOCKADDR, 'saddr=100000000000000000000000']]],
    [
      'a LOGIN alone',
      [[LOGIN, 'pid=1 uid=0 old-auid=4294967295 auid=1000 tty=(none) old-ses=4294967295 ses=1 res=1']],
    ],
    ['nothing', []],
  ])('drops %s', (_, records) => {
    const { event, counters } = interpret(records);
    expect(event).toBeUndefined();
    expect(counters).toEqual({ ...NOTHING, filtered: 1 });
  });

  it.each<[TaskKind, boolean]>([
    ['process', true],
    ['thread', false],
    ['gone', true],
  ])('takes clone3 of a %s for a new process: %s', (task, isProcess) => {
    const { event, counters } = interpret(call({ syscall: 435, exit: 5 }), ALL, task);
    expect(event !== undefined).toBe(isProcess);
    expect(counters.filtered).toBe(isProcess ? 0 : 1);
  });

  it.each<[string, Records]>([
    ['a SYSCALL record without its fields', [[SYSCALL, 'arch=c000003e']]],
    ['a SYSCALL record cut off', [[SYSCALL, syscallFields().slice(0, 150)]]],
    ['a user message without its sender', [[1100, "msg='pid=1 uid=0 auid=0'"]]],
  ])('counts %s', (_, records) => {
    const { event, counters } = interpret(records);
    expect(event).toBeUndefined();
    expect(counters).toEqual({ ...NOTHING, malformed: 1 });
  });

  describe('with a record lost', () => {
    it('an exec is an event still, counted', () => {
      const { event, counters } = interpret(exec().toSpliced(1, 1));
      expect(event).toMatchObject({ kind: 'process', argv: undefined, cwd: '/' });
      expect(counters).toEqual({ ...NOTHING, incomplete: 1 });
    });

    it('one of many EXECVE records is as good as all', () => {
      const argv = execveFields(Array.from({ length: 300 }, (_, i) => `argument number ${i}`));
      expect(argv.length).toBeGreaterThan(1);
      for (let lost = 0; lost < argv.length; lost++) {
        const { event, counters } = interpret(exec({}, argv.toSpliced(lost, 1)));
        expect(event).toMatchObject({ kind: 'process', argv: undefined });
        expect(counters).toEqual({ ...NOTHING, incomplete: 1 });
      }
    });

    it('a connect has nothing to tell, and is counted', () => {
      const { event, counters } = interpret(connect().slice(0, 1));
      expect(event).toBeUndefined();
      expect(counters).toEqual({ ...NOTHING, unusable: 1 });
    });

    it('what stands behind a lost SYSCALL is a loss, what never had one is not', () => {
      expect(interpret(connect().slice(1)).counters).toEqual({ ...NOTHING, unusable: 1 });
      expect(interpret(exec().slice(1)).counters).toEqual({ ...NOTHING, unusable: 1 });
      expect(interpret([[CONFIG_CHANGE, 'op=add_rule']]).counters).toEqual({ ...NOTHING, filtered: 1 });
    });
  });

  it('counts a call of an unknown architecture or number apart, and says which was the first', () => {
    const interpreter = new Interpreter(ALL, () => 'process');
    for (const values of [{ arch: '4000f3', syscall: 11 }, { syscall: 1_999 }]) {
      expect(interpreter.interpret(group(...call(values)))).toEqual([]);
    }
    // A tracer has taken it away: that is no number of a call.
    expect(interpreter.interpret(group(...call({ syscall: -1 })))).toEqual([]);
    expect(interpreter.counters).toEqual({ ...NOTHING, unknownArch: 2, filtered: 1 });
    expect(interpreter.firstUnknown).toEqual({ arch: 0x4000f3, number: 11 });
  });

  it('makes no events of what nobody wants, and starts when somebody does', () => {
    const interpreter = new Interpreter(
      { syscalls: new Set(['execve']), userMessages: false, reports: new Set(), datagrams: false },
      () => 'process',
    );
    const user = group([1100, "pid=1 uid=0 auid=0 ses=1 msg='op=x'"]);
    expect(interpreter.interpret(group(...exec()))).toHaveLength(1);
    expect(interpreter.interpret(group(...connect()))).toEqual([]);
    expect(interpreter.interpret(user)).toEqual([]);
    expect(interpreter.counters).toEqual({ ...NOTHING, filtered: 2 });
    interpreter.interests = ALL;
    expect(interpreter.interpret(group(...connect()))).toHaveLength(1);
    expect(interpreter.interpret(user)).toHaveLength(1);
    expect(interpreter.counters.filtered).toBe(2);
  });
});

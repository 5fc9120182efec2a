import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClaimedPaths } from '../../src/audit/claimed-paths.ts';
import { Interpreter } from '../../src/audit/interpreter.ts';
import type { SyscallName } from '../../src/audit/syscalls.ts';
import {
  execveFields,
  group,
  type SyscallValues,
  saddrFields,
  sockaddrIn,
  syscallFields,
} from './kernel-records.ts';

const SYSCALL = 1300;
const SOCKADDR = 1306;
const EXECVE = 1309;
const NO_LOGIN = 4_294_967_295;
const PRCTL = 157;
const CLONE = 56;
const CONNECT = 42;
const EXEC = 59;

/** What became of calls of one host, in their order: what each event says that its process runs. */
const host = () => {
  const syscalls: readonly SyscallName[] = ['execve', 'clone', 'connect', 'prctl'];
  const interpreter = new Interpreter(
    { syscalls: new Set(syscalls), userMessages: false, reports: new Set(), datagrams: false },
    () => 'process',
  );
  const call = (syscall: number, values: SyscallValues): (string | undefined)[] =>
    interpreter
      .interpret(
        group(
          [SYSCALL, syscallFields({ syscall, items: 0, a0: '0', ...values })],
          ...(syscall === CONNECT ? [[SOCKADDR, saddrFields(sockaddrIn('10.0.0.1', 443))] as const] : []),
          ...(syscall === EXEC ? [[EXECVE, execveFields(['x'])[0]!] as const] : []),
        ),
      )
      .map(event =>
        event.kind === 'process' ? event.path : event.kind === 'socket' ? event.exe : undefined,
      );
  return {
    claim: (values: SyscallValues) => call(PRCTL, { a0: '23', a1: 'e', ...values }),
    connect: (values: SyscallValues) => call(CONNECT, values),
    fork: (values: SyscallValues) => call(CLONE, { exit: 77, ...values }),
    exec: (values: SyscallValues) => call(EXEC, values),
  };
};

const claimed = { exe: '/usr/bin/ssh', uid: 1_000, auid: NO_LOGIN };

describe('a program that a user has named in place of his own', () => {
  it('is not told of his processes, and is of those of others', () => {
    const { claim, connect, fork } = host();
    expect(connect(claimed)).toEqual(['/usr/bin/ssh']);
    expect(claim(claimed)).toEqual([]);
    expect(connect(claimed)).toEqual([undefined]);
    expect(fork({ ...claimed, pid: 4_711 })).toEqual([undefined]);
    expect(connect({ ...claimed, uid: 1_001 })).toEqual(['/usr/bin/ssh']);
    expect(connect({ ...claimed, uid: 0 })).toEqual(['/usr/bin/ssh']);
    expect(connect({ ...claimed, auid: 1_000 })).toEqual(['/usr/bin/ssh']);
    expect(connect({ ...claimed, exe: '/usr/bin/curl' })).toEqual(['/usr/bin/curl']);
  });

  it('is told where he begins it: the kernel says then what it is', () => {
    const { claim, exec, connect } = host();
    claim(claimed);
    expect(exec(claimed)).toEqual(['/usr/bin/ssh']);
    expect(connect(claimed)).toEqual([undefined]);
  });

  it('is a claim of the login, whatever user the process becomes', () => {
    const { claim, connect } = host();
    claim({ ...claimed, auid: 1_000 });
    expect(connect({ ...claimed, auid: 1_000, uid: 0 })).toEqual([undefined]);
    expect(connect({ ...claimed, auid: 1_001 })).toEqual(['/usr/bin/ssh']);
  });

  it('is one of all ids that a namespace may have', () => {
    const { claim, connect } = host();
    claim(claimed);
    expect(connect({ ...claimed, uid: 100_005 })).toEqual([undefined]);
    const other = host();
    other.claim({ ...claimed, uid: 100_005 });
    expect(other.connect(claimed)).toEqual([undefined]);
    expect(other.connect({ ...claimed, uid: 0 })).toEqual(['/usr/bin/ssh']);
  });

  it('is none where the call is another one, or failed', () => {
    const { claim, connect } = host();
    claim({ ...claimed, a0: 'f' });
    claim({ ...claimed, success: 'no', exit: -1 });
    expect(connect(claimed)).toEqual(['/usr/bin/ssh']);
  });
});

describe('ClaimedPaths', () => {
  it('believes nothing of whoever claims more than it keeps', () => {
    const paths = new ClaimedPaths();
    for (let i = 0; i < 2_000; i++) paths.add({ uid: 5, auid: NO_LOGIN, exe: `/bin/${i}` });
    const socket = (uid: number, exe: string) =>
      paths.withoutClaims({ kind: 'socket', uid, auid: NO_LOGIN, exe } as Parameters<
        typeof paths.withoutClaims
      >[0]);
    expect(socket(5, '/bin/0')).toMatchObject({ exe: undefined });
    expect(socket(5, '/bin/1999')).toMatchObject({ exe: undefined });
    expect(socket(5, '/bin/never')).toMatchObject({ exe: undefined });
    expect(socket(6, '/bin/1999')).toMatchObject({ exe: '/bin/1999' });
  });

  it('takes a path from nobody who has not claimed it', () => {
    const who = fc.record({ uid: fc.nat(60_000), auid: fc.constantFrom(NO_LOGIN, 1_000, 1_001) });
    const exe = fc.constantFrom('/a', '/b', '/c');
    fc.assert(
      fc.property(fc.array(fc.tuple(who, exe), { maxLength: 20 }), who, exe, (claims, asked, path) => {
        const paths = new ClaimedPaths();
        for (const [claimant, claimedPath] of claims) paths.add({ ...claimant, exe: claimedPath });
        const isOf = claims.some(
          ([{ uid, auid }, claimedPath]) =>
            claimedPath === path && auid === asked.auid && (auid !== NO_LOGIN || uid === asked.uid),
        );
        const event = { kind: 'socket', ...asked, exe: path } as Parameters<typeof paths.withoutClaims>[0];
        expect(paths.withoutClaims(event)).toEqual({ ...event, exe: isOf ? undefined : path });
      }),
    );
  });
});

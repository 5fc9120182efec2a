import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SyscallReader, type SyscallReading } from '../../src/audit/syscall-record.ts';
import type { SyscallName } from '../../src/audit/syscalls.ts';
import { record, type SyscallValues, syscallFields } from './kernel-records.ts';

const syscalls = new SyscallReader();

const AUDIT_SYSCALL = 1300;
const EXECS: ReadonlySet<SyscallName> = new Set(['execve', 'execveat']);
const SOCKETS: ReadonlySet<SyscallName> = new Set(['bind', 'connect', 'accept', 'accept4']);

const read = (fields: string, interests = EXECS): SyscallReading =>
  syscalls.read(record(AUDIT_SYSCALL, fields), interests);
const readValues = (
  values: { [Field in keyof SyscallValues]: SyscallValues[Field] | undefined },
  interests = EXECS,
): SyscallReading => read(syscallFields(values), interests);

describe('SyscallReader', () => {
  it('reads every field of a recorded exec', () => {
    expect(
      read(
        'arch=c000003e syscall=59 success=yes exit=0 a0=7ffcd9ba5038 a1=24b60130 a2=24d5ac70 a3=8 items=2 ppid=13983 pid=13993 auid=4294967295 uid=1 gid=2 euid=3 suid=4 fsuid=5 egid=6 sgid=7 fsgid=8 tty=pts0 ses=4294967295 comm="echo" exe="/usr/bin/echo" key="osquery-audit-events"',
      ),
    ).toEqual({
      kind: 'syscall',
      syscall: {
        arch: 0xc000003e,
        name: 'execve',
        success: true,
        exit: 0,
        a0: 0xd9ba5038,
        a1: 0x24b60130,
        a2: 0x24d5ac70,
        a3: 8,
        items: 2,
        ppid: 13983,
        pid: 13993,
        auid: 4294967295,
        uid: 1,
        gid: 2,
        euid: 3,
        suid: 4,
        fsuid: 5,
        egid: 6,
        sgid: 7,
        fsgid: 8,
        tty: 'pts0',
        ses: 4294967295,
        comm: 'echo',
        exe: '/usr/bin/echo',
      },
    });
  });

  it('reads a record of RHEL 5, with per and without ses', () => {
    const reading = read(
      'arch=40000003 syscall=11 per=400000 success=yes exit=0 a0=9a5a648 a1=9a5a438 a2=9a58e60 a3=0 items=2 ppid=2443 pid=2444 auid=500 uid=500 gid=500 euid=500 suid=500 fsuid=500 egid=500 sgid=500 fsgid=500 tty=(none) comm="ls" exe="/bin/ls" subj=user_u:system_r:unconfined_t:s0 key=(null)',
    );
    expect(reading).toMatchObject({
      kind: 'syscall',
      syscall: { name: 'execve', auid: 500, exe: '/bin/ls' },
    });
    if (reading.kind !== 'syscall') return;
    expect(reading.syscall.ses).toBeUndefined();
    expect(reading.syscall.tty).toBeUndefined();
  });

  it.each([
    ['"/bin/evil"'],
    ['/opt/my program'],
    ['/tmp/a=b pid=1 uid=0'],
    ['/usr/bin/x (deleted)'],
    ['/tmp/ü\n'],
    ['?'],
    ['DEADBEEF'],
  ])('keeps a program named %j apart from the fields around it', exe => {
    const reading = readValues({ exe, comm: exe });
    expect(reading).toMatchObject({ kind: 'syscall', syscall: { exe, comm: exe, pid: 13993, uid: 1 } });
  });

  it('reads a record without ppid', () => {
    expect(
      read(
        'arch=40000003 syscall=11 success=yes exit=0 a0=9a5a648 a1=9a5a438 a2=9a58e60 a3=0 items=2 pid=2444 loginuid=500 uid=501 gid=502 euid=503 suid=504 fsuid=505 egid=506 sgid=507 fsgid=508 comm="ls" exe="/bin/ls"',
      ),
    ).toMatchObject({ kind: 'syscall', syscall: { pid: 2444, auid: 500, uid: 501, exe: '/bin/ls' } });
  });

  it('tells callers apart whose calls follow each other', () => {
    const call = (pid: number, comm: string, a0 = '3') =>
      read(
        `arch=c000003e syscall=42 success=yes exit=0 a0=${a0} a1=7ffd3b2c5a10 a2=10 a3=0 items=0 ppid=1 pid=${pid} auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=5 comm="${comm}" exe="/usr/bin/${comm}" key="k"`,
        SOCKETS,
      );
    const calls = [call(100, 'curl'), call(100, 'curl', '4'), call(101, 'curl'), call(101, 'wget')];
    expect(calls).toMatchObject([
      { syscall: { a0: 3, pid: 100, comm: 'curl', exe: '/usr/bin/curl' } },
      { syscall: { a0: 4, pid: 100, comm: 'curl', exe: '/usr/bin/curl' } },
      { syscall: { a0: 3, pid: 101, comm: 'curl', exe: '/usr/bin/curl' } },
      { syscall: { a0: 3, pid: 101, comm: 'wget', exe: '/usr/bin/wget' } },
    ]);
    const long = 'x'.repeat(600);
    expect([call(1, long), call(2, long), call(2, long)]).toMatchObject([
      { syscall: { pid: 1, comm: long } },
      { syscall: { pid: 2, comm: long } },
      { syscall: { pid: 2, comm: long } },
    ]);
    expect(call(100, 'curl')).toMatchObject({ syscall: { pid: 100, comm: 'curl' } });
  });

  it('takes (null) for no program: a kernel thread has none', () => {
    const reading = read(`${syscallFields({ exe: undefined, key: undefined })} exe=(null) key=(null)`);
    expect(reading.kind === 'syscall' && reading.syscall.exe).toBeUndefined();
  });

  it('is not misled by what AppArmor writes', () => {
    const fields = syscallFields({ key: undefined });
    expect(read(`${fields} subj==unconfined key=(null)`)).toEqual(read(fields));
    expect(read(`${fields} subj=/usr/bin/x (enforce) key="k"`)).toEqual(read(fields));
  });

  it('reads a failure and its errno', () => {
    expect(readValues({ syscall: 42, success: 'no', exit: -111 }, SOCKETS)).toMatchObject({
      syscall: { name: 'connect', success: false, exit: -111 },
    });
  });

  it('tells calls apart by architecture', () => {
    expect(readValues({ arch: '40000003', syscall: 11 })).toMatchObject({ syscall: { name: 'execve' } });
    expect(readValues({ arch: 'c000003e', syscall: 11 })).toEqual({ kind: 'other' });
    expect(readValues({ arch: 'c00000b7', syscall: 221 })).toMatchObject({ syscall: { name: 'execve' } });
  });

  it.each([
    ['2', 'bind'],
    ['3', 'connect'],
    ['5', 'accept'],
    ['12', 'accept4'],
  ])('reads socketcall %s as %s', (a0, name) => {
    expect(readValues({ arch: '40000003', syscall: 102, a0 }, SOCKETS)).toMatchObject({ syscall: { name } });
    expect(readValues({ arch: '40000003', syscall: 102, a0 }, EXECS)).toEqual({ kind: 'other' });
  });

  it.each(['1', '9', '14'])('leaves socketcall %s alone', a0 =>
    expect(readValues({ arch: '40000003', syscall: 102, a0 }, SOCKETS)).toEqual({ kind: 'other' }),
  );

  it.each([
    ['a call that is not wanted', syscallFields({ syscall: 42 })],
    ['a call without a name here', syscallFields({ syscall: 257 })],
    // The kernel leaves both out when a task ends inside of a call.
    ['a call that did not return', syscallFields({ success: undefined, exit: undefined })],
  ])('%s is other', (_, fields) => expect(read(fields)).toEqual({ kind: 'other' }));

  it.each([
    ['an architecture without a table', { arch: '8000002b', syscall: 11 }, 0x8000002b, 11],
    ['a number that no table has', { syscall: 1_999 }, 0xc000003e, 1_999],
  ])('%s is unknown', (_, values, arch, number) =>
    expect(readValues(values)).toEqual({ kind: 'unknown', arch, number }),
  );

  it.each([
    ['nothing', ''],
    ['no architecture', syscallFields({ arch: undefined })],
    ['an architecture that is none', syscallFields({ arch: 'x86_64' })],
    ['no call', syscallFields({ syscall: undefined })],
    ['a call by name', syscallFields({ syscall: 'execve' })],
    ['success that is neither', syscallFields({ success: 'maybe' })],
    ['no first argument', syscallFields({ a0: undefined })],
    ['no pid', syscallFields({ pid: undefined })],
    ['a pid that is none', syscallFields({ pid: '1a' })],
    ['no auid', syscallFields({ auid: undefined })],
    ['no uid', syscallFields({ uid: undefined })],
    ['no gid', syscallFields({ gid: undefined })],
    ['no euid', syscallFields({ euid: undefined })],
    ['no egid', syscallFields({ egid: undefined })],
  ])('%s is malformed', (_, fields) => expect(read(fields)).toEqual({ kind: 'malformed' }));

  it('a record cut at any byte is never another call, and has no value that was not there', () => {
    const fields = syscallFields();
    for (let end = 0; end < fields.length; end++) {
      const reading = read(fields.slice(0, end));
      if (reading.kind !== 'syscall') continue;
      expect(reading.syscall.name).toBe('execve');
      for (const value of Object.values(reading.syscall)) {
        if (typeof value === 'boolean' || value === undefined || value === 'execve') continue;
        // Numbers in hexadecimal stand for their low 32 bits.
        const isHex = typeof value === 'number' && fields.includes(value.toString(16));
        if (!isHex) expect(fields).toContain(String(value));
      }
    }
  });

  it('reads any fields without throwing', () => {
    const names = Object.keys({
      arch: 0,
      syscall: 0,
      success: 0,
      exit: 0,
      a0: 0,
      items: 0,
      pid: 0,
      uid: 0,
      exe: 0,
    });
    const field = fc
      .tuple(fc.constantFrom(...names), fc.string({ maxLength: 8 }))
      .map(([name, value]) => `${name}=${value}`);
    fc.assert(
      fc.property(fc.array(field, { maxLength: 12 }), fc.boolean(), (list, based) => {
        const text = based ? `${syscallFields()} ${list.join(' ')}` : list.join(' ');
        expect(['syscall', 'other', 'unknown', 'malformed']).toContain(read(text).kind);
      }),
    );
  });
});

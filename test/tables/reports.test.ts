import { describe, expect, it } from 'vitest';
import { parseRecord } from '../../src/audit/record.ts';
import { readRecordEvent } from '../../src/audit/record-event.ts';
import { apparmorEvents } from '../../tables/apparmor_events.ts';
import { seccompEvents } from '../../tables/seccomp_events.ts';
import { selinuxEvents } from '../../tables/selinux_events.ts';
import { contextWith, EVERYTHING, rowOf, settingsWith } from './table-rows.ts';

const STAMP = 'audit(1795474704.082:386): ';
const event = (type: number, fields: string) => {
  const payload = Buffer.from(STAMP + fields, 'latin1');
  return readRecordEvent(parseRecord(type, payload, 0, payload.length)!);
};
const context = contextWith(EVERYTHING, { uptime: 3_600 });
const ORIGIN = { time: '1795474704', uptime: '3600', eid: '0000000001', audit_id: '1795474704.082:386' };

const AVC =
  'avc:  denied  { read } for  pid=1234 comm="httpd" name="shadow" dev="dm-0" ino=17 scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:shadow_t:s0 tclass=file permissive=0';
const DENIED =
  'apparmor="DENIED" operation="open" class="file" profile="/usr/sbin/cupsd" name="/etc/a b" pid=709 comm="cupsd" requested_mask="r" denied_mask="r" fsuid=4294967295 ouid=0'.replace(
    '"/etc/a b"',
    Buffer.from('/etc/a b').toString('hex').toUpperCase(),
  );
const SECCOMP =
  'auid=1000 uid=1 gid=2 ses=9 pid=100 comm="chrome" exe="/opt/chrome" sig=31 arch=c000003e syscall=59 compat=0 ip=0x7f0123456789 code=0x80000000';

describe('selinux_events', () => {
  it('has the whole record', () => {
    expect(rowOf(selinuxEvents, event(1400, AVC), context)).toEqual({
      type: 'AVC',
      message: STAMP + AVC,
      ...ORIGIN,
    });
  });

  it.each([
    [1403, 'MAC_POLICY_LOAD'],
    [1404, 'MAC_STATUS'],
    [1417, 'MAC_UNLBL_STCDEL'],
  ])('calls %i %s', (type, name) =>
    expect(rowOf(selinuxEvents, event(type, 'enforcing=1'), context)).toMatchObject({ type: name }),
  );

  it('leaves AppArmor’s records to the other table, also where a name imitates them', () => {
    expect(rowOf(selinuxEvents, event(1400, DENIED), context)).toBeUndefined();
    const imitated = AVC.replace('"shadow"', '"x apparmor=y"');
    expect(rowOf(selinuxEvents, event(1400, imitated), context)).toBeDefined();
    expect(rowOf(apparmorEvents, event(1400, imitated), context)).toBeUndefined();
  });
});

describe('apparmor_events', () => {
  it('has every column', () => {
    expect(rowOf(apparmorEvents, event(1400, DENIED), context)).toEqual({
      type: 'AA',
      message: STAMP + DENIED,
      apparmor: 'DENIED',
      operation: 'open',
      profile: '/usr/sbin/cupsd',
      name: '/etc/a b',
      pid: '709',
      comm: 'cupsd',
      requested_mask: 'r',
      denied_mask: 'r',
      fsuid: '4294967295',
      ouid: '0',
      ...ORIGIN,
    });
  });

  it('has what only some operations say', () => {
    const fields =
      'apparmor="DENIED" operation="capable" info="optional: no audit" error=-1 namespace="root//lxd" profile="p" label="q" parent=1 pid=2 comm="x" capability=12  capname="net_admin"';
    expect(rowOf(apparmorEvents, event(1400, fields), context)).toMatchObject({
      info: 'optional: no audit',
      error: '-1',
      namespace: 'root//lxd',
      label: 'q',
      parent: '1',
      capability: '12',
      capname: 'net_admin',
    });
  });

  it('takes the types of older kernels', () => {
    expect(rowOf(apparmorEvents, event(1503, DENIED), context)).toMatchObject({ type: 'APPARMOR_DENIED' });
  });

  it('leaves the records of others alone', () => {
    expect(rowOf(apparmorEvents, event(1400, AVC), context)).toBeUndefined();
    expect(rowOf(apparmorEvents, event(1326, SECCOMP), context)).toBeUndefined();
  });
});

describe('seccomp_events', () => {
  it('has every column', () => {
    expect(rowOf(seccompEvents, event(1326, SECCOMP), context)).toEqual({
      auid: '1000',
      uid: '1',
      gid: '2',
      ses: '9',
      pid: '100',
      comm: 'chrome',
      exe: '/opt/chrome',
      sig: '31',
      arch: 'X86_64',
      syscall: 'execve',
      compat: '0',
      ip: '0x7f0123456789',
      code: 'KILL_PROCESS',
      ...ORIGIN,
    });
  });

  it.each([
    ['40000003', '11', 'I386', 'execve'],
    ['c00000b7', '221', 'AARCH64', 'execve'],
    ['c000003e', '1073741826', 'X86_64', 'open'],
    ['c000003e', '1999', 'X86_64', '1999(unknown)'],
    ['1', '11', '1(unknown)', '11(unknown)'],
  ])('arch=%s syscall=%s is %s, %s', (arch, syscall, name, call) => {
    const fields = SECCOMP.replace('c000003e', arch).replace('=59', `=${syscall}`);
    expect(rowOf(seccompEvents, event(1326, fields), context)).toMatchObject({ arch: name, syscall: call });
  });

  it.each([
    ['0x0', 'KILL_THREAD'],
    ['0x30000', 'TRAP'],
    ['0x50000', 'ERRNO'],
    ['0x7fc00000', 'USER_NOTIF'],
    ['0x7ff00000', 'TRACE'],
    ['0x7ffc0000', 'LOG'],
    ['0x7fff0000', 'ALLOW'],
    ['0x123', '291(unknown)'],
  ])('code=%s is %s', (code, name) =>
    expect(rowOf(seccompEvents, event(1326, SECCOMP.replace('0x80000000', code)), context)).toMatchObject({
      code: name,
    }),
  );

  it('has NULL for what is not a number', () => {
    const row = rowOf(seccompEvents, event(1326, 'auid=x uid= arch=zz syscall=0x3b comm="c"'), context);
    expect(row).toEqual({ comm: 'c', ...ORIGIN });
  });
});

describe.each([
  ['selinux_events', selinuxEvents, 1400, AVC],
  ['apparmor_events', apparmorEvents, 1400, DENIED],
  ['seccomp_events', seccompEvents, 1326, SECCOMP],
] as const)('%s', (name, table, type, fields) => {
  it('is switched by its flag, and off without it', () => {
    expect(table.subscribes(settingsWith())).toBeUndefined();
    expect(rowOf(table, event(type, fields), contextWith(settingsWith()))).toBeUndefined();
    const on = settingsWith({ [name]: true });
    expect(table.subscribes(on)?.reports).toContain(type);
    expect(rowOf(table, event(type, fields), contextWith(on))).toBeDefined();
  });
});

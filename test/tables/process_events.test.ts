import { describe, expect, it } from 'vitest';
import type { ProcessEvent } from '../../src/audit/audit-event.ts';
import { processEvents } from '../../tables/process_events.ts';
import { ACTOR, contextWith, EVERYTHING, ORIGIN, rowOf, settingsWith } from './table-rows.ts';

const EXEC: ProcessEvent = {
  kind: 'process',
  ...ORIGIN,
  ...ACTOR,
  action: 'exec',
  syscall: 'execve',
  pid: 100,
  parent: 101,
  exit: 0,
  status: undefined,
  path: '/usr/bin/echo',
  cwd: '/tmp/my dir',
  argv: ['/bin/echo', 'two three', 'Grüße', ''],
  env: undefined,
  files: [
    { name: '/bin/echo', inode: '260249', dev: 'fe:00', mode: '0104755', ouid: 11, ogid: 12 },
    { name: '/lib64/ld', inode: '1', dev: 'fe:00', mode: '0100755', ouid: 13, ogid: 14 },
  ],
};
const FORK: ProcessEvent = {
  ...EXEC,
  action: 'fork',
  syscall: 'clone',
  pid: 200,
  parent: 100,
  exit: 200,
  cwd: undefined,
  argv: undefined,
  files: [],
};
const KILL: ProcessEvent = { ...FORK, action: 'kill', syscall: 'tgkill', pid: 100, parent: 101, exit: 0 };
const TIMES = { atime: 21, mtime: 22, ctime: 23, mode: 0o104755 };
const CONTEXT = contextWith(EVERYTHING, { times: TIMES, uptime: 3_600 });

describe('process_events', () => {
  it('has every column of an exec', () => {
    const cmdline = '/bin/echo two three Grüße ';
    expect(rowOf(processEvents, EXEC, CONTEXT)).toEqual({
      pid: '100',
      path: '/usr/bin/echo',
      mode: '0104755',
      cmdline,
      cmdline_size: '28',
      env: '',
      env_count: '0',
      env_size: '0',
      cwd: '/tmp/my dir',
      auid: '1000',
      uid: '1',
      euid: '3',
      gid: '2',
      egid: '4',
      owner_uid: '11',
      owner_gid: '12',
      atime: '21',
      mtime: '22',
      ctime: '23',
      btime: '0',
      overflows: '',
      parent: '101',
      time: '1795474704',
      uptime: '3600',
      eid: '0000000001',
      fsuid: '7',
      suid: '5',
      fsgid: '8',
      sgid: '6',
      syscall: 'execve',
      argv: '["/bin/echo","two three","Grüße",""]',
      comm: 'echo',
      exe: '/usr/bin/echo',
      tty: 'pts0',
      ses: '9',
      ppid: '101',
      exit: '0',
      audit_id: '1795474704.082:386',
      source: 'audit',
    });
    expect(Buffer.byteLength(cmdline)).toBe(28);
  });

  it('has every column of a fork: the child’s ids, its maker’s image', () => {
    expect(rowOf(processEvents, FORK, CONTEXT)).toEqual({
      pid: '200',
      path: '/usr/bin/echo',
      mode: '4755',
      env: '',
      env_count: '0',
      env_size: '0',
      auid: '1000',
      uid: '1',
      euid: '3',
      gid: '2',
      egid: '4',
      owner_uid: '0',
      owner_gid: '0',
      atime: '21',
      mtime: '22',
      ctime: '23',
      btime: '0',
      overflows: '',
      parent: '100',
      time: '1795474704',
      uptime: '3600',
      eid: '0000000001',
      fsuid: '7',
      suid: '5',
      fsgid: '8',
      sgid: '6',
      syscall: 'clone',
      comm: 'echo',
      exe: '/usr/bin/echo',
      tty: 'pts0',
      ses: '9',
      ppid: '101',
      exit: '200',
      audit_id: '1795474704.082:386',
      source: 'audit',
    });
  });

  it('has every column of a kill: its sender, and no file of its own', () => {
    const { owner_uid, owner_gid, ...fork } = rowOf(processEvents, FORK, CONTEXT)!;
    expect([owner_uid, owner_gid]).toEqual(['0', '0']);
    const expected = { ...fork, pid: '100', parent: '101', syscall: 'tgkill', exit: '0' };
    expect(rowOf(processEvents, KILL, CONTEXT)).toEqual(expected);
  });

  it('has NULL for what was not recorded', () => {
    const bare: ProcessEvent = {
      ...EXEC,
      ppid: undefined,
      suid: undefined,
      sgid: undefined,
      fsuid: undefined,
      fsgid: undefined,
      ses: undefined,
      tty: undefined,
      comm: undefined,
      exe: undefined,
      path: undefined,
      cwd: undefined,
      argv: undefined,
      files: [],
    };
    const row = rowOf(processEvents, bare, contextWith(EVERYTHING))!;
    const columns = processEvents.spec.columns.map(({ name }) => name);
    expect(columns.slice(0, columns.indexOf('audit_id')).filter(name => !(name in row))).toEqual([
      'path',
      'mode',
      'cmdline',
      'cmdline_size',
      'cwd',
      'owner_uid',
      'owner_gid',
      'uptime',
      'status',
      'fsuid',
      'suid',
      'fsgid',
      'sgid',
      'argv',
      'comm',
      'exe',
      'tty',
      'ses',
      'ppid',
    ]);
    expect(row).toMatchObject({ atime: '0', mtime: '0', ctime: '0', pid: '100', parent: '101' });
  });

  it('takes mode and owner of the file that was asked for only: NULL where its record was lost', () => {
    const lost = {
      name: undefined,
      inode: undefined,
      dev: undefined,
      mode: undefined,
      ouid: undefined,
      ogid: undefined,
    };
    const row = rowOf(processEvents, { ...EXEC, files: [lost, EXEC.files[1]!] }, CONTEXT)!;
    expect([row.mode, row.owner_uid, row.owner_gid]).toEqual([undefined, undefined, undefined]);
  });

  it('keeps raw ids: an unset auid is 4294967295', () => {
    expect(rowOf(processEvents, { ...EXEC, auid: 4294967295, ses: 4294967295 }, CONTEXT)).toMatchObject({
      auid: '4294967295',
      ses: '4294967295',
    });
  });

  it('has osquery’s -1 for a parent that cannot be told', () => {
    expect(rowOf(processEvents, { ...EXEC, parent: undefined }, CONTEXT)).toMatchObject({ parent: '-1' });
  });

  it('has environment and status where a source records them', () => {
    expect(rowOf(processEvents, { ...EXEC, env: ['A=1', 'B=ü'], status: 2 }, CONTEXT)).toMatchObject({
      env: 'A=1 B=ü',
      env_count: '2',
      env_size: '9',
      status: '2',
    });
  });

  it.each([
    ['', ['']],
    ['a"b\\ \n\t', ['a"b\\', '\n\t']],
    ['', []],
    ['\\xFF ☃', ['\\xFF', '☃']],
  ])('argv of %j reads back as it was, where cmdline is ambiguous', (cmdline, argv) => {
    const row = rowOf(processEvents, { ...EXEC, argv }, CONTEXT)!;
    expect(row.cmdline).toBe(cmdline);
    expect(JSON.parse(row.argv!)).toEqual(argv);
    expect(row.cmdline_size).toBe(String(Buffer.byteLength(cmdline)));
  });

  it('has no audit id of an event that only BPF has seen', () => {
    const row = rowOf(processEvents, { ...EXEC, serial: 0, isUnaudited: true }, CONTEXT)!;
    expect(row.source).toBe('bpf');
    expect(row).not.toHaveProperty('audit_id');
  });

  it('writes the whole audit id', () => {
    expect(
      rowOf(processEvents, { ...EXEC, seconds: 5, milliseconds: 7, serial: 4294967295 }, CONTEXT),
    ).toMatchObject({
      time: '5',
      audit_id: '5.007:4294967295',
    });
  });

  it.each([
    [0o100755, '0755'],
    [0o104755, '4755'],
    [0o101777, '1777'],
    [0o100000, '0000'],
  ])('writes the mode %i of a process’s image as osquery does', (mode, expected) => {
    const context = contextWith(EVERYTHING, { times: { ...TIMES, mode } });
    expect(rowOf(processEvents, FORK, context)!.mode).toBe(expected);
    expect(rowOf(processEvents, EXEC, context)!.mode).toBe('0104755');
  });

  it.each([
    ['exec', EXEC, 'process_events'],
    ['fork', FORK, 'fork_process_events'],
    ['kill', KILL, 'kill_process_events'],
  ])('leaves out %s unless its flag is set', (_, event, flag) => {
    expect(rowOf(processEvents, event, contextWith(settingsWith({ [flag]: false })))).toBeUndefined();
    expect(rowOf(processEvents, event, contextWith(settingsWith({ [flag]: true })))).toBeDefined();
  });

  it('leaves out the ends of processes', () => {
    expect(rowOf(processEvents, { ...EXEC, action: 'exit' }, CONTEXT)).toBeUndefined();
  });

  it.each([
    [{}, ['execve', 'execveat']],
    [{ process_events: false }, undefined],
    [{ fork_process_events: true }, ['execve', 'execveat', 'fork', 'vfork', 'clone', 'clone3']],
    [{ process_events: false, kill_process_events: true }, ['kill', 'tkill', 'tgkill']],
  ])('with %j needs %j', (flags, syscalls) => {
    expect(processEvents.subscribes(settingsWith(flags))).toEqual(syscalls && { syscalls });
  });
});

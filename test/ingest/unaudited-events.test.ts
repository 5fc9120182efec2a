import { describe, expect, test } from 'vitest';
import { CUT_MARK } from '../../src/audit/bound-arguments.ts';
import { readUnauditedExec } from '../../src/bpf/unaudited-exec-record.ts';
import { unauditedExecEvent } from '../../src/ingest/unaudited-events.ts';
import { type UnauditedExecText, unauditedExecRecord } from '../bpf/unaudited-exec.ts';

const MS = 1_796_094_409_868.5;
const exec = (texts: UnauditedExecText, exe?: string) => {
  const bytes = unauditedExecRecord(texts);
  return unauditedExecEvent(readUnauditedExec(bytes, 0, bytes.length)!, MS, exe);
};

describe('an exec that only BPF has seen', () => {
  test('has what audit would have recorded, and no serial', () => {
    const argv = ['/usr/bin/thing', '', 'a b'];
    const event = exec({ argv, filename: '/usr/bin/thing', interpreter: '/usr/bin/thing', tty: 'pts1' });
    expect(event).toMatchObject({
      kind: 'process',
      action: 'exec',
      isUnaudited: true,
      serial: 0,
      seconds: 1_796_094_409,
      milliseconds: 868,
      pid: 4321,
      parent: 1234,
      uid: 1000,
      euid: 1001,
      suid: 1002,
      fsuid: 1003,
      gid: 100,
      egid: 101,
      auid: 4_294_967_295,
      tty: 'pts1',
      comm: 'thing',
      path: '/usr/bin/thing',
      cwd: undefined,
      argv,
      files: [{ mode: '0100755', ouid: 0, ogid: 0, inode: '260958', dev: 'fe:00', name: '/usr/bin/thing' }],
    });
    expect(event).not.toHaveProperty('commandLineBytes');
  });

  test('of a script: the attributes of its interpreter are not taken for the script’s', () => {
    const { files, path } = exec({ filename: './script', interpreter: '/bin/sh' });
    expect(path).toBe('/bin/sh');
    expect(files).toHaveLength(2);
    expect(files[0]).toMatchObject({ name: './script', mode: undefined, inode: undefined });
    expect(files[1]).toMatchObject({ name: '/bin/sh', inode: '260958' });
  });

  test('what runs is what procfs shows, else the name that was given, if it is absolute', () => {
    expect(exec({}, '/usr/bin/dash').path).toBe('/usr/bin/dash');
    expect(exec({ interpreter: './thing' }).path).toBeUndefined();
    expect(exec({ interpreter: '' }).path).toBeUndefined();
  });

  test('a long command line ends in a mark, and its true length is known', () => {
    const long = exec({ argv: ['x', 'y'.repeat(10_000)] });
    expect(long.commandLineBytes).toBe(10_002);
    expect(long.argv).toEqual(['x', `${'y'.repeat(4_094)}${CUT_MARK}`]);
    // Cut exactly between two arguments.
    const between = exec({ argv: ['y'.repeat(4_095), 'z'] });
    expect(between.argv).toEqual(['y'.repeat(4_095), CUT_MARK]);
  });

  test('arguments that could not be read are not told', () => {
    const bytes = unauditedExecRecord({ argv: ['\0\0\0'] });
    expect(
      unauditedExecEvent(readUnauditedExec(bytes, 0, bytes.length)!, MS, undefined).argv,
    ).toBeUndefined();
  });

  test('bytes that are no UTF-8 are written as such', () => {
    const bytes = unauditedExecRecord({ argv: ['ab'] });
    const at = bytes.indexOf('ab\0', bytes.length - 4096 - 1);
    bytes[at] = 0xff;
    expect(unauditedExecEvent(readUnauditedExec(bytes, 0, bytes.length)!, MS, undefined).argv).toEqual([
      '\\xFFb',
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import { nativeArchitectures, socketcallName, syscallName } from '../../src/audit/syscalls.ts';

const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const AARCH64 = 0xc00000b7;
const ARM = 0x40000028;

describe('syscallName', () => {
  // From the kernel's tables: syscall_64.tbl, syscall_32.tbl, asm-generic/unistd.h, arm's syscall.tbl.
  it.each([
    [X86_64, 59, 'execve'],
    [X86_64, 322, 'execveat'],
    [X86_64, 56, 'clone'],
    [X86_64, 57, 'fork'],
    [X86_64, 58, 'vfork'],
    [X86_64, 435, 'clone3'],
    [X86_64, 42, 'connect'],
    [X86_64, 43, 'accept'],
    [X86_64, 288, 'accept4'],
    [X86_64, 49, 'bind'],
    [X86_64, 62, 'kill'],
    [X86_64, 200, 'tkill'],
    [X86_64, 234, 'tgkill'],
    [I386, 11, 'execve'],
    [I386, 358, 'execveat'],
    [I386, 102, 'socketcall'],
    [I386, 361, 'bind'],
    [I386, 362, 'connect'],
    [I386, 364, 'accept4'],
    [I386, 120, 'clone'],
    [I386, 2, 'fork'],
    [I386, 190, 'vfork'],
    [I386, 37, 'kill'],
    [I386, 238, 'tkill'],
    [I386, 270, 'tgkill'],
    [AARCH64, 221, 'execve'],
    [AARCH64, 281, 'execveat'],
    [AARCH64, 220, 'clone'],
    [AARCH64, 203, 'connect'],
    [AARCH64, 200, 'bind'],
    [AARCH64, 202, 'accept'],
    [AARCH64, 242, 'accept4'],
    [AARCH64, 129, 'kill'],
    [ARM, 11, 'execve'],
    [ARM, 387, 'execveat'],
    [ARM, 283, 'connect'],
  ])('%i: %i is %s', (arch, number, name) => expect(syscallName(arch, number)).toBe(name));

  it('tells the same number apart by its architecture', () => {
    expect(syscallName(X86_64, 11)).toBeUndefined();
    expect(syscallName(I386, 59)).toBeUndefined();
    expect(syscallName(AARCH64, 59)).toBeUndefined();
  });

  it('knows no call of an architecture it has no table of', () => {
    expect(syscallName(0x80000016, 11)).toBeUndefined();
  });
});

describe('socketcallName', () => {
  it.each([
    [1, undefined],
    [2, 'bind'],
    [3, 'connect'],
    [4, undefined],
    [5, 'accept'],
    [18, 'accept4'],
    [20, undefined],
  ])('%i is %s', (call, name) => expect(socketcallName(call)).toBe(name));
});

describe('nativeArchitectures', () => {
  it.each([
    ['x64', [X86_64, I386]],
    ['arm64', [AARCH64, ARM]],
  ])('%s runs 64-bit and 32-bit programs', (processArch, expected) =>
    expect(nativeArchitectures(processArch).map(({ arch }) => arch)).toEqual(expected),
  );
});

import { describe, expect, it } from 'vitest';
import { type ArchName, archName, archNumber } from '../../src/audit/architectures/arch-names.ts';
import {
  architecture,
  cloneFlagsArgument,
  nativeArchitectures,
  type SyscallName,
  socketcallName,
  syscallName,
} from '../../src/audit/syscalls.ts';

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
    expect(syscallName(X86_64, 11)).toBe('munmap');
    expect(syscallName(I386, 59)).toBe('oldolduname');
    expect(syscallName(AARCH64, 59)).toBe('pipe2');
  });

  it('knows no call of an architecture it has no table of, and no number that a table lacks', () => {
    expect(syscallName(archNumber('PARISC64'), 11)).toBeUndefined();
    expect(syscallName(X86_64, 400)).toBeUndefined();
    expect(syscallName(X86_64, -1)).toBeUndefined();
  });

  // Numbers of the kernel's own tables, each at another place.
  it.each<[ArchName, number, string]>([
    ['S390X', 11, 'execve'],
    ['S390X', 362, 'connect'],
    ['S390X', 354, 'execveat'],
    ['S390', 102, 'socketcall'],
    ['S390', 120, 'clone'],
    ['PPC64LE', 11, 'execve'],
    ['PPC64LE', 328, 'connect'],
    ['PPC64LE', 102, 'socketcall'],
    ['PPC64', 362, 'execveat'],
    ['PPC', 330, 'accept'],
    ['RISCV64', 221, 'execve'],
    ['RISCV64', 259, 'riscv_flush_icache'],
    ['LOONGARCH64', 203, 'connect'],
    ['MIPSEL64', 5057, 'execve'],
    ['MIPSEL64', 5041, 'connect'],
    ['MIPSEL', 4011, 'execve'],
    ['MIPSEL', 4102, 'socketcall'],
    ['MIPSEL64N32', 6057, 'execve'],
    ['ARM', 283, 'connect'],
    ['I386', 362, 'connect'],
    ['X86_64', 0x4000_0000 + 520, 'execve'],
    ['X86_64', 0x4000_0000 + 42, 'connect'],
    ['X86_64', 466, 'removexattrat'],
    ['AARCH64', 452, 'fchmodat2'],
  ])('of %s %i is %s', (name, number, call) => expect(syscallName(archNumber(name), number)).toBe(call));

  it('has every number once, and only names of calls', () => {
    const names: readonly ArchName[] = ['X86_64', 'I386', 'AARCH64', 'ARM', 'PPC64LE', 'S390X', 'RISCV64'];
    for (const name of names) {
      const { arch, numberOf } = architecture(name);
      for (let number = 0; number < 470; number++) {
        const call = syscallName(arch, number);
        if (call === undefined) continue;
        expect(call).toMatch(/^_?[a-z][a-z0-9_]*$/);
        expect(numberOf(call as SyscallName), `${name} ${call}`).toBe(number);
      }
    }
  });
});

describe('archName', () => {
  it.each<[number, ArchName]>([
    [0xc000003e, 'X86_64'],
    [0x40000003, 'I386'],
    [0xc00000b7, 'AARCH64'],
    [0x40000028, 'ARM'],
    [0xc0000015, 'PPC64LE'],
    [0x80000015, 'PPC64'],
    [0x14, 'PPC'],
    [0x80000016, 'S390X'],
    [0x16, 'S390'],
    [0xc00000f3, 'RISCV64'],
    [0xc0000102, 'LOONGARCH64'],
    [0xc0000008, 'MIPSEL64'],
    [0xe0000008, 'MIPSEL64N32'],
  ])('%i is %s', (arch, name) => {
    expect(archName(arch)).toBe(name);
    expect(archNumber(name)).toBe(arch);
  });

  it('has no name for other numbers', () => expect(archName(0x80000001)).toBeUndefined());
});

describe('cloneFlagsArgument', () => {
  it('is the second one where the stack comes first', () => {
    expect(cloneFlagsArgument(archNumber('S390X'))).toBe(1);
    expect(cloneFlagsArgument(X86_64)).toBe(0);
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
    [20, 'sendmmsg'],
    [19, undefined],
  ])('%i is %s', (call, name) => expect(socketcallName(call)).toBe(name));
});

describe('nativeArchitectures', () => {
  it.each([
    ['x64', [X86_64, I386]],
    ['arm64', [AARCH64, ARM]],
  ])('%s runs 64-bit and 32-bit programs', (processArch, expected) =>
    expect(nativeArchitectures(processArch, 'LE').map(({ arch }) => arch)).toEqual(expected),
  );

  it.each<[string, 'LE' | 'BE', readonly ArchName[]]>([
    ['ppc64', 'LE', ['PPC64LE']],
    ['ppc64', 'BE', ['PPC64', 'PPC']],
    ['s390x', 'BE', ['S390X', 'S390']],
    ['riscv64', 'LE', ['RISCV64']],
    ['loong64', 'LE', ['LOONGARCH64']],
    ['arm', 'LE', ['ARM']],
    ['ia32', 'LE', ['I386']],
  ])('%s (%s) runs %j', (processArch, bytes, names) => {
    const architectures = nativeArchitectures(processArch, bytes);
    expect(architectures.map(({ arch }) => archName(arch))).toEqual(names);
    // What every selection of rules needs is there.
    for (const { numberOf } of architectures) {
      for (const call of ['execve', 'execveat', 'connect', 'bind', 'kill', 'clone'] as const) {
        const isMultiplexed = numberOf('socketcall') !== undefined;
        if (!isMultiplexed || numberOf(call) !== undefined) expect(numberOf(call), call).toBeGreaterThan(0);
      }
    }
  });
});

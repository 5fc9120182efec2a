import { endianness } from 'node:os';
import { type ArchName, archNumber } from './architectures/arch-names.ts';
import arm from './architectures/calls/arm.ts';
import generic from './architectures/calls/generic.ts';
import i386 from './architectures/calls/i386.ts';
import mipsN32 from './architectures/calls/mips_n32.ts';
import mipsN64 from './architectures/calls/mips_n64.ts';
import mipsO32 from './architectures/calls/mips_o32.ts';
import ppc from './architectures/calls/ppc.ts';
import ppc64 from './architectures/calls/ppc64.ts';
import s390 from './architectures/calls/s390.ts';
import s390x from './architectures/calls/s390x.ts';
import x32 from './architectures/calls/x32.ts';
import x86_64 from './architectures/calls/x86_64.ts';
import type { FileCallName } from './file-calls.ts';

/** The system calls that make events, by what they do. */
export type SyscallName =
  | FileCallName
  | 'execve'
  | 'execveat'
  | 'fork'
  | 'vfork'
  | 'clone'
  | 'clone3'
  | 'kill'
  | 'tkill'
  | 'tgkill'
  | 'bind'
  | 'connect'
  | 'accept'
  | 'accept4'
  | 'sendto'
  | 'sendmsg'
  | 'sendmmsg'
  | 'socketcall'
  | 'io_uring_enter'
  | 'prctl';

export interface Architecture {
  /** AUDIT_ARCH_* as in a record's `arch`. */
  readonly arch: number;
  /** The number of a system call; undefined if the architecture does not have it. */
  readonly numberOf: (name: SyscallName) => number | undefined;
}

/** Marks x32 in the number of each call; the architecture is that of x86_64. Source: asm/unistd.h. */
const X32_SYSCALL_BIT = 0x4000_0000;

/**
 * The call table of each architecture, and an offset for its numbers: MIPS has one range for each of its ABIs.
 * Source: asm/unistd.h of arch/mips.
 */
const TABLES: Readonly<Partial<Record<ArchName, readonly [text: string, base?: number]>>> = {
  X86_64: [x86_64],
  I386: [i386],
  AARCH64: [generic],
  ARM: [arm],
  LOONGARCH64: [generic],
  MIPS: [mipsO32, 4000],
  MIPSEL: [mipsO32, 4000],
  MIPS64: [mipsN64, 5000],
  MIPSEL64: [mipsN64, 5000],
  MIPS64N32: [mipsN32, 6000],
  MIPSEL64N32: [mipsN32, 6000],
  PPC: [ppc],
  PPC64: [ppc64],
  PPC64LE: [ppc64],
  RISCV64: [generic],
  S390: [s390],
  S390X: [s390x],
};

type Names = ReadonlyMap<number, string>;

/** Reads a table. A number belongs to the name behind it; each further name has the next number. */
const parseTable = (text: string, base = 0): Names => {
  const names = new Map<number, string>();
  let next = 0;
  for (const word of text.trim().split(/\s+/)) {
    if (word.charCodeAt(0) <= DIGIT_9) next = Number(word);
    else names.set(base + next++, word);
  }
  return names;
};
const DIGIT_9 = 0x39;

const NONE: Names = new Map();
const tableOf = new Map<number, readonly [text: string, base?: number]>(
  Object.entries(TABLES).map(([name, table]) => [archNumber(name as ArchName), table]),
);
/** Tables parsed so far: a host uses two of thirteen. */
const parsed = new Map<number, Names>();
let x32Names: Names | undefined;

const namesOf = (arch: number): Names => {
  let names = parsed.get(arch);
  if (names === undefined) {
    const table = tableOf.get(arch);
    if (table === undefined) return NONE;
    names = parseTable(...table);
    parsed.set(arch, names);
  }
  return names;
};

const ARCH_X86_64 = archNumber('X86_64');

/** Name of a system call; undefined for an unknown number or architecture. */
export const syscallName = (arch: number, number: number): string | undefined => {
  if (number >= X32_SYSCALL_BIT && arch === ARCH_X86_64) {
    x32Names ??= parseTable(x32);
    return x32Names.get(number - X32_SYSCALL_BIT);
  }
  return namesOf(arch).get(number);
};

/**
 * Values in place of a number if a tracer or a filter has cancelled the call: -1, also as the kernel prints it from
 * an unsigned number.
 */
export const isNoSyscall = (number: number): boolean => number === -1 || number === 0xffff_ffff;

export const architecture = (name: ArchName): Architecture => {
  const arch = archNumber(name);
  const numbers = new Map(Array.from(namesOf(arch), ([number, call]) => [call, number]));
  return { arch, numberOf: call => numbers.get(call) };
};

/**
 * The architectures that programs on a machine can have, by `process.arch`, its own first; rules are needed for all.
 * Programs of x32 are not included: the numbers of their calls exceed what a rule can name.
 *
 * @param bytes the machine's byte order, which Node's name ppc64 leaves open
 */
export const nativeArchitectures = (
  processArch: string,
  bytes: 'LE' | 'BE' = endianness(),
): readonly Architecture[] => (NATIVE[`${processArch}${bytes}`] ?? NATIVE.x64LE!).map(architecture);

/**
 * Source: audit_classify_arch and the compat classes of each arch/ in the kernel. Machines that are not listed have
 * only one architecture.
 */
const NATIVE: Readonly<Record<string, readonly ArchName[]>> = {
  x64LE: ['X86_64', 'I386'],
  ia32LE: ['I386'],
  arm64LE: ['AARCH64', 'ARM'],
  armLE: ['ARM'],
  ppc64LE: ['PPC64LE'],
  ppc64BE: ['PPC64', 'PPC'],
  s390xBE: ['S390X', 'S390'],
  riscv64LE: ['RISCV64'],
  loong64LE: ['LOONGARCH64'],
  mips64elLE: ['MIPSEL64', 'MIPSEL64N32', 'MIPSEL'],
  mipselLE: ['MIPSEL'],
};

/** The call behind socketcall(2) of i386, s390, ppc and others, by its first argument. Source: linux/net.h. */
export const socketcallName = (call: number): SyscallName | undefined => socketcalls.get(call);

const socketcalls: ReadonlyMap<number, SyscallName> = new Map([
  [2, 'bind'],
  [3, 'connect'],
  [5, 'accept'],
  [11, 'sendto'],
  [16, 'sendmsg'],
  [18, 'accept4'],
  [20, 'sendmmsg'],
]);

/** Index of the flags argument of a call that sends. */
export const sendFlagsArgument = (name: string): 2 | 3 | undefined =>
  name === 'sendmsg' ? 2 : name === 'sendto' || name === 'sendmmsg' ? 3 : undefined;

/**
 * Architectures on which the flags of clone(2) are the second argument. Source: CONFIG_CLONE_BACKWARDS2 in the
 * kernel.
 */
const FLAGS_BEHIND_STACK: ReadonlySet<number> = new Set([archNumber('S390'), archNumber('S390X')]);

/** Index of the flags argument of clone(2), from 0. */
export const cloneFlagsArgument = (arch: number): 0 | 1 => (FLAGS_BEHIND_STACK.has(arch) ? 1 : 0);

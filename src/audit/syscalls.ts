import { AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, AUDIT_ARCH_I386, AUDIT_ARCH_X86_64 } from './constants.ts';

/** The system calls that make events, by what they do. */
export type SyscallName =
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
  | 'socketcall'
  | 'io_uring_enter';

export interface Architecture {
  /** AUDIT_ARCH_* as in a record's `arch`. */
  readonly arch: number;
  readonly syscalls: Readonly<Partial<Record<SyscallName, number>>>;
}

/**
 * Numbers per architecture. Sources: arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl,
 * include/uapi/asm-generic/unistd.h (aarch64), arch/arm/tools/syscall.tbl.
 * i386 has no accept: it goes through socketcall, as bind and connect of older programs do.
 */
const X86_64: Architecture = {
  arch: AUDIT_ARCH_X86_64,
  syscalls: {
    execve: 59,
    execveat: 322,
    fork: 57,
    vfork: 58,
    clone: 56,
    clone3: 435,
    kill: 62,
    tkill: 200,
    tgkill: 234,
    bind: 49,
    connect: 42,
    accept: 43,
    accept4: 288,
    io_uring_enter: 426,
  },
};

const I386: Architecture = {
  arch: AUDIT_ARCH_I386,
  syscalls: {
    execve: 11,
    execveat: 358,
    fork: 2,
    vfork: 190,
    clone: 120,
    clone3: 435,
    kill: 37,
    tkill: 238,
    tgkill: 270,
    bind: 361,
    connect: 362,
    accept4: 364,
    socketcall: 102,
    io_uring_enter: 426,
  },
};

const AARCH64: Architecture = {
  arch: AUDIT_ARCH_AARCH64,
  syscalls: {
    execve: 221,
    execveat: 281,
    clone: 220,
    clone3: 435,
    kill: 129,
    tkill: 130,
    tgkill: 131,
    bind: 200,
    connect: 203,
    accept: 202,
    accept4: 242,
    io_uring_enter: 426,
  },
};

const ARM: Architecture = {
  arch: AUDIT_ARCH_ARM,
  syscalls: {
    execve: 11,
    execveat: 387,
    fork: 2,
    vfork: 190,
    clone: 120,
    clone3: 435,
    kill: 37,
    tkill: 238,
    tgkill: 268,
    bind: 282,
    connect: 283,
    accept: 285,
    accept4: 366,
    io_uring_enter: 426,
  },
};

const ARCHITECTURES: readonly Architecture[] = [X86_64, I386, AARCH64, ARM];

/** 64-bit and 32-bit system call tables of a machine, by `process.arch`; the rules of both are needed. */
export const nativeArchitectures = (processArch: string): readonly Architecture[] =>
  processArch === 'arm64' ? [AARCH64, ARM] : [X86_64, I386];

const names = new Map<number, ReadonlyMap<number, SyscallName>>(
  ARCHITECTURES.map(({ arch, syscalls }) => [
    arch,
    new Map(Object.entries(syscalls).map(([name, number]) => [number, name as SyscallName])),
  ]),
);

/** Name of a system call we make events of; undefined for any other, and for architectures not known here. */
export const syscallName = (arch: number, number: number): SyscallName | undefined =>
  names.get(arch)?.get(number);

/** What socketcall(2) on i386 was asked for, by its first argument. Source: linux/net.h. */
export const socketcallName = (call: number): SyscallName | undefined =>
  call === 2 ? 'bind' : call === 3 ? 'connect' : call === 5 ? 'accept' : call === 18 ? 'accept4' : undefined;

import { constants } from 'node:os';
import { addressOf, errno, libc } from '../runtime/libc.ts';

/** The system calls behind BPF. Constants: linux/bpf.h. */

/** bpf(2)'s number, by Node's name of the architecture. */
const SYS_BPF: Readonly<Record<string, number>> = { x64: 321, arm64: 280 };

/** Commands. */
export const BPF_MAP_CREATE = 0;
export const BPF_PROG_LOAD = 5;
export const BPF_RAW_TRACEPOINT_OPEN = 17;
export const BPF_LINK_CREATE = 28;
export const BPF_ITER_CREATE = 33;

/** Bytes of union bpf_attr that are given; the kernel takes missing ones for zeros. */
export const ATTRIBUTE_BYTES = 120;

const RLIMIT_MEMLOCK = 8;
const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;

const { ENOSYS } = constants.errno;

/**
 * Memory whose address stays, unlike that of a small array, which the garbage collector moves. It must be referenced
 * as long as C has its address.
 */
export const fixedMemory = (bytes: number): Buffer => Buffer.from(new ArrayBuffer(bytes));

/** A copy of bytes in memory whose address stays. */
export const fixedCopy = (bytes: Uint8Array): Buffer => {
  const copy = fixedMemory(bytes.length);
  copy.set(bytes);
  return copy;
};

let syscall: ((number: number, command: number, attribute: Uint8Array, size: number) => number) | undefined;

/**
 * bpf(2).
 *
 * @param attribute union bpf_attr, in fixed memory
 * @returns a descriptor or 0; negative: a negated errno
 */
export const bpf = (command: number, attribute: Uint8Array): number => {
  const number = SYS_BPF[process.arch];
  if (number === undefined) return -ENOSYS;
  syscall ??= libc.func('long syscall(long number, long command, void *attribute, long size)');
  const result = Number(syscall(number, command, attribute, attribute.length));
  return result < 0 ? -errno() : result;
};

/** Writes a pointer to fixed memory into an attribute. */
export const writePointer = (attribute: Buffer, at: number, memory: Uint8Array): void => {
  attribute.writeBigUInt64LE(addressOf(memory), at);
};

/** Kernels before 5.11 charge maps and programs to RLIMIT_MEMLOCK. @returns whether it could be lifted */
export const liftMemoryLock = (): boolean => {
  const setrlimit: (resource: number, limit: Uint8Array) => number = libc.func(
    'int setrlimit(int resource, void *limit)',
  );
  const limit = new Uint8Array(BigUint64Array.of(RLIM_INFINITY, RLIM_INFINITY).buffer);
  return setrlimit(RLIMIT_MEMLOCK, limit) === 0;
};

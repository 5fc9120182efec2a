import { libc } from '../../src/runtime/libc.ts';

const getrusage: (who: number, usage: BigInt64Array) => number = libc.func(
  'int getrusage(int who, void *usage)',
);

/** Source: linux/resource.h. */
const RUSAGE_CHILDREN = -1;
/** Of struct rusage, in words of eight bytes: ru_utime and ru_stime come first, seconds and microseconds each. */
const WORDS = 18;

/** CPU seconds, user and system, of the processes that this one has started and that have ended, and of those that these waited for. */
export const endedChildrenCpu = (): number => {
  const usage = new BigInt64Array(WORDS);
  if (getrusage(RUSAGE_CHILDREN, usage) !== 0) throw new Error('the CPU of ended processes cannot be had');
  const [user, userMicro, system, systemMicro] = [...usage.subarray(0, 4)].map(Number) as [
    number,
    number,
    number,
    number,
  ];
  return user + system + (userMicro + systemMicro) / 1e6;
};

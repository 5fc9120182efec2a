import koffi from 'koffi';
import { runLoad } from './run-load.ts';
import { spawnProgram } from './spawn-true.ts';

/** asm-generic/resource.h */
const RLIMIT_STACK = 3;
const setrlimit: (resource: number, limits: BigUint64Array) => number = koffi
  .load(null)
  .func('int setrlimit(int resource, void *limits)');

const [uid, program, argumentBytes, argumentCount] = process.argv.slice(4);

const long = 'x'.repeat(Number(argumentBytes));
const more = Array.from({ length: Number(argumentCount) }, () => long);

// Arguments may take a quarter of it, but 6 MB at most.
setrlimit(RLIMIT_STACK, new BigUint64Array(2).fill(2n ** 64n - 1n));
process.setgroups?.([]);
process.setgid?.(Number(uid));
process.setuid?.(Number(uid));
/** As a user: `UID PROGRAM BYTES ARGUMENTS`, each with its number as its first argument, and so many as long behind it. */
runLoad(index => spawnProgram(program!, String(index), ...more));

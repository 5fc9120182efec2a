import { randomBytes } from 'node:crypto';
import koffi from 'koffi';
import { runLoad } from './run-load.ts';
import { runProgram } from './spawn-true.ts';

/** asm-generic/resource.h */
const RLIMIT_STACK = 3;
const TEXT_BYTES = 8_000_000;
const setrlimit: (resource: number, limits: BigUint64Array) => number = koffi
  .load(null)
  .func('int setrlimit(int resource, void *limits)');

const [uid, program, argumentBytes, argumentCount] = process.argv.slice(4);

const length = Number(argumentBytes);
/** Text that does not pack: of it each argument is another part. */
const text = randomBytes(Math.max(TEXT_BYTES, 2 * length)).toString('base64');
const more = (): string[] =>
  Array.from({ length: Number(argumentCount) }, () => {
    const start = Math.floor(Math.random() * (text.length - length));
    return text.slice(start, start + length);
  });

// Arguments may take a quarter of it, but 6 MB at most.
setrlimit(RLIMIT_STACK, new BigUint64Array(2).fill(2n ** 64n - 1n));
process.setgroups?.([]);
process.setgid?.(Number(uid));
process.setuid?.(Number(uid));
/** As a user: `UID PROGRAM BYTES ARGUMENTS`, each with its number as its first argument, and so many as long behind it. */
runLoad(index => runProgram(program!, [String(index)].concat(more())));

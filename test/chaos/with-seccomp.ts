/**
 * Runs a program of which some system calls fail: `ERRNO CALL… -- PROGRAM ARGUMENT…`, numbers all but the program; a CALL of
 * `NUMBER:VALUE` fails only with this third argument.
 */
import koffi from 'koffi';

/** linux/prctl.h, seccomp.h, filter.h */
const PR_SET_SECCOMP = 22;
const SECCOMP_MODE_FILTER = 2;
const SECCOMP_RET_ALLOW = 0x7fff0000;
const SECCOMP_RET_ERRNO = 0x00050000;
/** BPF_LD + BPF_W + BPF_ABS, BPF_JMP + BPF_JEQ + BPF_K, BPF_RET + BPF_K */
const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const RETURN = 0x06;
/** struct seccomp_data: the number, and the lower half of the third argument. */
const NUMBER_AT = 0;
const THIRD_AT = 16 + 2 * 8;
const INSTRUCTION_BYTES = 8;

const behind = process.argv.indexOf('--');
const [errno, ...calls] = process.argv.slice(2, behind);
const [program, ...args] = process.argv.slice(behind + 1);

type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, value: number];
const fails: Instruction = [RETURN, 0, 0, SECCOMP_RET_ERRNO | Number(errno)];
const filter: readonly Instruction[] = [
  ...calls.flatMap((call): Instruction[] => {
    const [number, third] = call.split(':').map(Number);
    const isIt: Instruction[] = [[LOAD, 0, 0, NUMBER_AT]];
    return third === undefined
      ? [...isIt, [JUMP_EQUAL, 0, 1, number!], fails]
      : [...isIt, [JUMP_EQUAL, 0, 3, number!], [LOAD, 0, 0, THIRD_AT], [JUMP_EQUAL, 0, 1, third], fails];
  }),
  [RETURN, 0, 0, SECCOMP_RET_ALLOW],
];
const code = Buffer.alloc(filter.length * INSTRUCTION_BYTES);
for (const [i, [operation, whenTrue, whenFalse, value]] of filter.entries()) {
  code.writeUInt16LE(operation, i * INSTRUCTION_BYTES);
  code.writeUInt8(whenTrue, i * INSTRUCTION_BYTES + 2);
  code.writeUInt8(whenFalse, i * INSTRUCTION_BYTES + 3);
  code.writeUInt32LE(value, i * INSTRUCTION_BYTES + 4);
}
const sockFprog = koffi.struct({ length: 'uint16', filter: 'uint8 *' });
const prctl = koffi.load(null).func('prctl', 'int', ['int', 'ulong', koffi.pointer(sockFprog)]);
if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, { length: filter.length, filter: code }) !== 0) {
  throw new Error('the kernel takes no such filter');
}
process.execve!(program!, [program!, ...args], process.env);

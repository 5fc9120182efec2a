import { runLoad } from './run-load.ts';
import { spawnProgram } from './spawn-true.ts';

const [uid, program, argumentBytes, argumentCount] = process.argv.slice(4);

const long = 'x'.repeat(Number(argumentBytes));
const more = Array.from({ length: Number(argumentCount) }, () => long);

process.setgroups?.([]);
process.setgid?.(Number(uid));
process.setuid?.(Number(uid));
/** As a user: `UID PROGRAM BYTES ARGUMENTS`, each with its number as its first argument, and so many as long behind it. */
runLoad(index => spawnProgram(program!, String(index), ...more));

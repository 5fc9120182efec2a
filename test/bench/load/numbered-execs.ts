import { runLoad } from './run-load.ts';
import { spawnProgram } from './spawn-true.ts';

const first = Number(process.argv[4] ?? 0);
const program = process.argv[5] ?? '/bin/true';

/** Each has its number as its argument, from the third argument of this program on; the fourth says which it runs. */
runLoad(index => spawnProgram(program, String(first + index)));

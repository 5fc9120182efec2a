import { runLoad } from './run-load.ts';
import { spawnTrue } from './spawn-true.ts';

const first = Number(process.argv[4] ?? 0);

/** Each has its number as its argument, from the third argument of this program on. */
runLoad(index => spawnTrue(String(first + index)));

import { runLoad } from './run-load.ts';
import { spawnProgram } from './spawn-true.ts';

/** Ways to each program. */
const WAYS = 1_000;

const [directory = '', first = '0'] = process.argv.slice(4);

/** Each time by another path, from a number on: `DIRECTORY/N/N` of a thousand ways to each program. */
runLoad(index => {
  const number = Number(first) + index;
  spawnProgram(`${directory}/${number % WAYS}/${Math.floor(number / WAYS)}`, 'path');
});

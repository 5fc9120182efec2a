import { runLoad } from './run-load.ts';
import { spawnTrue } from './spawn-true.ts';

/** Each has its number as its argument. */
runLoad(index => spawnTrue(String(index)));

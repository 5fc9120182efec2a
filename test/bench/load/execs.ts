import { runLoad } from './run-load.ts';
import { spawnTrue } from './spawn-true.ts';

runLoad(() => spawnTrue());

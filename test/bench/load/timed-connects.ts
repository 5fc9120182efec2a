import { connectOnce } from './connect.ts';
import { runLoad } from './run-load.ts';

const durations: number[] = [];

/** Says how long the calls took, too: what auditing them costs the program that makes them. */
runLoad(
  () => {
    const started = performance.now();
    connectOnce();
    durations.push(performance.now() - started);
  },
  () => durations,
);

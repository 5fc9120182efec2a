import type { Scenario } from '../bench/scenario.ts';
import { burst } from './scenarios/burst.ts';
import { clock } from './scenarios/clock.ts';
import { diskStall } from './scenarios/disk-stall.ts';
import {
  flood,
  floodOfEmptyArguments,
  floodOfHugeArguments,
  floodOfLongArguments,
} from './scenarios/flood.ts';
import { hashFlood } from './scenarios/hash-flood.ts';
import { kills } from './scenarios/kills.ts';
import { signals } from './scenarios/signals.ts';
import { silentFileSystem } from './scenarios/silent-file-system.ts';
import { silentReaders } from './scenarios/silent-readers.ts';
import { stopped } from './scenarios/stopped.ts';

/** In the order they run. */
export const scenarios: readonly Scenario[] = [
  kills,
  stopped,
  burst,
  flood,
  floodOfLongArguments,
  floodOfHugeArguments,
  floodOfEmptyArguments,
  silentReaders,
  diskStall,
  clock,
  signals,
  silentFileSystem,
  hashFlood,
];

import type { Scenario } from '../bench/scenario.ts';
import { binfmtMisc } from './scenarios/binfmt-misc.ts';
import { burst } from './scenarios/burst.ts';
import { clock } from './scenarios/clock.ts';
import { containerInit } from './scenarios/container-init.ts';
import { diskStall } from './scenarios/disk-stall.ts';
import {
  flood,
  floodOfEmptyArguments,
  floodOfHugeArguments,
  floodOfLongArguments,
} from './scenarios/flood.ts';
import { forkBomb } from './scenarios/fork-bomb.ts';
import { hashFlood } from './scenarios/hash-flood.ts';
import { kills } from './scenarios/kills.ts';
import { manyCgroups } from './scenarios/many-cgroups.ts';
import { manyPaths } from './scenarios/many-paths.ts';
import { rawSockets } from './scenarios/raw-sockets.ts';
import { readOnlyState } from './scenarios/read-only-state.ts';
import { seccomp } from './scenarios/seccomp.ts';
import { signals } from './scenarios/signals.ts';
import { silentFileSystem, silentFileSystems } from './scenarios/silent-file-system.ts';
import { silentReaders } from './scenarios/silent-readers.ts';
import { silentReadersFlood } from './scenarios/silent-readers-flood.ts';
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
  silentReadersFlood,
  diskStall,
  readOnlyState,
  clock,
  signals,
  silentFileSystem,
  silentFileSystems,
  hashFlood,
  forkBomb,
  manyPaths,
  manyCgroups,
  seccomp,
  containerInit,
  binfmtMisc,
  rawSockets,
];

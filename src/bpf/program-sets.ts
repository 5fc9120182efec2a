import { legacyControllerOfHost } from './cgroup-controller.ts';
import { processPrograms } from './process-programs.ts';
import type { ProgramSet } from './program-set.ts';
import { socketPrograms } from './socket-programs.ts';
import { unauditedExecPrograms } from './unaudited-exec-program.ts';

/** All programs for this host. Each set is loaded, or refused, by itself. */
export const programSets = (): readonly ProgramSet[] => [
  socketPrograms,
  processPrograms(legacyControllerOfHost()),
  unauditedExecPrograms,
];

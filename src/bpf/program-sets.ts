import type { ProgramSet } from './program-set.ts';
import { socketPrograms } from './socket-programs.ts';

/** All programs for this host. Each set is loaded, or refused, by itself. */
export const programSets = (): readonly ProgramSet[] => [socketPrograms];

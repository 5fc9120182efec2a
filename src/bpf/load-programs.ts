import { BpfError } from './bpf-error.ts';
import type { Btf } from './btf.ts';
import { readKernelBtf } from './kernel-btf.ts';
import { type LoadedSet, loadSet } from './loader.ts';
import type { LoadResult, RefusedSet } from './loader-message.ts';
import type { ProgramSet } from './program-set.ts';
import { openUnauditedTasks } from './task-iterator.ts';

/** Loads and attaches sets of programs, as far as this kernel takes them. */
export const loadPrograms = (sets: readonly ProgramSet[], readBtf: () => Btf = readKernelBtf): LoadResult => {
  const loaded: LoadedSet[] = [];
  const refused: RefusedSet[] = [];
  let btf: Btf | undefined;
  for (const set of sets) {
    try {
      btf ??= readBtf();
      loaded.push(loadSet(btf, set));
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
      refused.push({ name: set.name, why: error.message });
    }
  }
  return { loaded, refused, unauditedTasks: iterate(btf) };
};

/** Without it everything else works: only how many processes audit cannot see is not known. */
const iterate = (btf: Btf | undefined): number | undefined => {
  try {
    return btf && openUnauditedTasks(btf);
  } catch (error) {
    if (error instanceof BpfError) return undefined;
    throw error;
  }
};

import { BpfError } from './bpf-error.ts';
import type { Btf } from './btf.ts';
import { readKernelBtf } from './kernel-btf.ts';
import { type LoadedSet, loadSet } from './loader.ts';
import type { LoadResult, RefusedSet } from './loader-message.ts';
import type { ProgramSet } from './program-set.ts';

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
  return { loaded, refused };
};

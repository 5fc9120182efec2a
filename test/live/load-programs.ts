/** Loads the BPF programs with the privileges that this process has, and says as JSON what came of it. */
import { loadPrograms } from '../../src/bpf/load-programs.ts';
import { programSets } from '../../src/bpf/program-sets.ts';

const { loaded, refused } = loadPrograms(programSets());
process.stdout.write(
  JSON.stringify({ loaded: loaded.map(({ name, variant }) => ({ name, variant })), refused }),
);

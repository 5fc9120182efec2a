import { setPriority } from 'node:os';
import { sendDescriptors } from '../runtime/pass-descriptors.ts';
import { recv, waitReadable } from '../runtime/socket-calls.ts';
import { loadPrograms } from './load-programs.ts';
import { GO, LOADER_FD } from './loader-command.ts';
import { encodeResult } from './loader-message.ts';
import { programSets } from './program-sets.ts';

const FOREVER = -1;
const NORMAL_PRIORITY = 0;

/**
 * The loader's work: waits for the word, loads, and passes on what it has loaded.
 *
 * @returns the exit status
 */
export const serveLoad = (): number => {
  const word = Buffer.from(new ArrayBuffer(GO.length));
  waitReadable(LOADER_FD, FOREVER);
  const received = recv(LOADER_FD, word, word.length, 0);
  // The instance does not want it, or is gone.
  if (received !== GO.length || word.toString() !== GO) return 0;
  setPriority(NORMAL_PRIORITY);
  const { text, descriptors } = encodeResult(loadPrograms(programSets()));
  return sendDescriptors(LOADER_FD, text, descriptors) === 0 ? 0 : 1;
};

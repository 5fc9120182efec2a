import { stat } from 'node:fs/promises';
import { STANDARD_INPUT } from '../ingest/replay/standard-input.ts';

/** Whether all of them can be read a second time: files and directories, but no pipes. */
export const canReadAgain = async (paths: readonly string[]): Promise<boolean> => {
  for (const path of paths) {
    if (STANDARD_INPUT.has(path)) return false;
    const about = await stat(path).catch(() => undefined);
    if (about?.isFile() !== true && about?.isDirectory() !== true) return false;
  }
  return true;
};

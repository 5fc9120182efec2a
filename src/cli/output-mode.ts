import { FlagError } from '../flags/flag-error.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import { type OutputMode, outputModes } from './command-flags.ts';

/** @throws FlagError if several are given */
export const outputMode = (flags: ParsedFlags): OutputMode => {
  const chosen = outputModes.filter(mode => flags.values.get(mode) === 'true');
  if (chosen.length > 1) {
    throw new FlagError(
      'usage',
      `${chosen.map(mode => `--${mode}`).join(' and ')} exclude each other: give one`,
    );
  }
  return chosen[0] ?? 'table';
};

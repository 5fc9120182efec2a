import { keepCapabilities } from '../runtime/keep-capabilities.ts';
import { privilegeCalls } from '../runtime/privilege-calls.ts';
import { type Needs, neededCapabilities } from './needed-capabilities.ts';

/**
 * Linux only. May start this program anew, in the same process.
 *
 * @returns what could not be given up, as a sentence
 */
export const lessenPrivileges = (needs: Needs): string | undefined => {
  try {
    return keepCapabilities(neededCapabilities(needs), privilegeCalls());
  } catch (error) {
    return `privileges that are not needed are kept: ${error instanceof Error ? error.message : error}`;
  }
};

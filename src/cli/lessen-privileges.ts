import { keepCapabilities } from '../runtime/keep-capabilities.ts';
import { privilegeCalls } from '../runtime/privilege-calls.ts';
import { type ExtensionNeeds, neededCapabilities } from './needed-capabilities.ts';

/**
 * Linux only. May start this program anew, in the same process.
 *
 * @returns what could not be given up, as a sentence
 */
export const lessenPrivileges = (needs: ExtensionNeeds): string | undefined => {
  try {
    return keepCapabilities(neededCapabilities(needs), privilegeCalls());
  } catch (error) {
    return `privileges that are not needed are kept: ${error instanceof Error ? error.message : error}`;
  }
};

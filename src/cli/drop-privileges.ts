import { messageOf } from '../runtime/message-of.ts';
import { type Needs, neededCapabilities } from './needed-capabilities.ts';

/**
 * To be called before all else: this program may start anew, in the same process. Does nothing where there is no Linux,
 * and loads there nothing of it.
 *
 * @returns what could not be given up, as a sentence
 */
export const dropPrivileges = async (needs: Needs): Promise<string | undefined> => {
  if (process.platform !== 'linux') return undefined;
  try {
    const { keepDescriptors } = await import('../runtime/inherited-descriptors.ts');
    keepDescriptors();
    const { keepCapabilities } = await import('../runtime/keep-capabilities.ts');
    const { privilegeCalls } = await import('../runtime/privilege-calls.ts');
    return keepCapabilities(neededCapabilities(needs), privilegeCalls());
  } catch (error) {
    return `privileges that are not needed are kept: ${messageOf(error)}`;
  }
};

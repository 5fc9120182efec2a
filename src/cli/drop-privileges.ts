import { messageOf } from '../runtime/message-of.ts';
import { type Needs, neededCapabilities } from './needed-capabilities.ts';

/** Loading needs capabilities that are given up next. */
const startBpfLoader = async (): Promise<void> => {
  try {
    const { startLoader } = await import('../bpf/loader-process.ts');
    startLoader();
  } catch {
    // Then nothing is loaded, which is said when it should be.
  }
};

/**
 * Must run before all else, because it may start this program anew in the same process. On other systems than Linux
 * it does nothing and loads no Linux module.
 *
 * @returns what could not be given up, as a sentence
 */
export const dropPrivileges = async (needs: Needs): Promise<string | undefined> => {
  if (process.platform !== 'linux') return undefined;
  try {
    const { keepDescriptors } = await import('../runtime/inherited-descriptors.ts');
    keepDescriptors();
    if (needs.isExtension && !needs.isReplay) await startBpfLoader();
    const { keepCapabilities } = await import('../runtime/keep-capabilities.ts');
    const { privilegeCalls } = await import('../runtime/privilege-calls.ts');
    return keepCapabilities(neededCapabilities(needs), privilegeCalls());
  } catch (error) {
    return `privileges that are not needed could not be dropped: ${messageOf(error)}`;
  }
};

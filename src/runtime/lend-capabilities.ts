import {
  type Capability,
  capabilityMask,
  capabilityNumbers,
  encodeCapabilities,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_RAISE,
} from './capabilities.ts';
import type { PrivilegeCalls } from './keep-capabilities.ts';

/**
 * Runs `start`. Programs that it starts get those of the capabilities that this thread has. Programs started
 * elsewhere get none, see `keepCapabilities`.
 */
export const lendCapabilities = <T>(
  lent: Iterable<Capability>,
  { threads, prctl, capset }: Pick<PrivilegeCalls, 'threads' | 'prctl' | 'capset'>,
  start: () => T,
): T => {
  const [own] = threads();
  if (own === undefined) return start();
  const mask = capabilityMask(lent) & own.permitted;
  // The ambient set requires permitted and inheritable.
  capset(encodeCapabilities({ ...own, inheritable: own.inheritable | mask }));
  for (const number of capabilityNumbers(mask)) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number);
  try {
    return start();
  } finally {
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0);
    capset(encodeCapabilities(own));
  }
};

import {
  type Capability,
  type CapabilityMask,
  capabilityMask,
  capabilityNumbers,
  encodeCapabilities,
  hasCapability,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_RAISE,
  type ThreadPrivileges,
} from './capabilities.ts';

/** linux/prctl.h */
const PR_CAPBSET_DROP = 24;
const PR_SET_SECUREBITS = 28;
const PR_SET_NO_NEW_PRIVS = 38;
/** linux/securebits.h: being root gives no capabilities at an exec, and that cannot be taken back. */
const SECBIT_NOROOT_LOCKED = 0b11;

/** What the kernel is asked for. Calls give 0 or an errno, and are about the calling thread. */
export interface PrivilegeCalls {
  /** Of every thread of this process, the calling one first; those that cannot be read are left out. */
  readonly threads: () => readonly ThreadPrivileges[];
  readonly prctl: (option: number, second: number, third: number) => number;
  /** @param sets as `encodeCapabilities` gives them */
  readonly capset: (sets: Uint8Array) => number;
  /** Whether this program was started by `restart`; true once only. */
  readonly wasRestarted: () => boolean;
  /** Starts this program anew in the place of this process, with the same arguments. Comes back only if it cannot. */
  readonly restart: () => number;
}

/**
 * Gives up, for good, every capability but those needed, in every thread, and the ways to get others.
 *
 * Capabilities belong to threads, and before the first line of a program Node has started some. Nothing reaches those
 * but an exec, at which a process has one thread and what the exec lets through. So this program is started anew, in the
 * same process, with the bounding set reduced and what is needed in the ambient set; SECBIT_NOROOT then keeps being root
 * from adding to that. The programs it runs later have no capability at all.
 *
 * What was not to be had is no reason to end: the kernel may be old, or a sandbox may forbid the calls.
 *
 * @returns what could not be given up, as one sentence; undefined if all is as it should be
 */
export const keepCapabilities = (needed: Iterable<Capability>, calls: PrivilegeCalls): string | undefined => {
  const wanted = capabilityMask(needed);
  if (calls.wasRestarted()) {
    // Those are for the exec that was.
    const [own] = calls.threads();
    calls.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0);
    if (own !== undefined) calls.capset(encodeCapabilities({ ...own, inheritable: 0n }));
    return shortfall(calls.threads(), wanted, []);
  }
  const before = calls.threads();
  const [own] = before;
  if (own === undefined) return sentence(['/proc/self/task/*/status cannot be read']);
  if (!before.some(thread => excess(thread, wanted) !== 0n)) {
    // Threads that are there already run no programs.
    const errno = calls.prctl(PR_SET_NO_NEW_PRIVS, 1, 0);
    return errno === 0 ? undefined : sentence([failed('PR_SET_NO_NEW_PRIVS', errno)]);
  }
  const failures = reduce(own, wanted, calls);
  return shortfall(calls.threads(), wanted, failures);
};

/** Returns only if this program was not started anew; says why. */
const reduce = (own: ThreadPrivileges, wanted: CapabilityMask, calls: PrivilegeCalls): readonly string[] => {
  const failures: string[] = [];
  const attempt = (name: string, errno: number): boolean => {
    if (errno !== 0) failures.push(failed(name, errno));
    return errno === 0;
  };
  const kept = own.permitted & wanted;
  const set = (permitted: CapabilityMask, inheritable: CapabilityMask): boolean =>
    attempt('capset', calls.capset(encodeCapabilities({ effective: permitted, permitted, inheritable })));

  const maySetBounds = hasCapability(own.effective, 'CAP_SETPCAP');
  if (maySetBounds) {
    for (const number of capabilityNumbers(own.bounding & ~wanted)) {
      if (!attempt('PR_CAPBSET_DROP', calls.prctl(PR_CAPBSET_DROP, number, 0))) break;
    }
  }
  // The ambient set takes what is permitted and inheritable; the securebits take CAP_SETPCAP.
  const isReady =
    set(kept | (maySetBounds ? capabilityMask(['CAP_SETPCAP']) : 0n), kept) &&
    capabilityNumbers(kept).every(number =>
      attempt('PR_CAP_AMBIENT_RAISE', calls.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number)),
    );
  // Not without the ambient set: nothing would be left.
  if (isReady && maySetBounds) {
    attempt('PR_SET_SECUREBITS', calls.prctl(PR_SET_SECUREBITS, SECBIT_NOROOT_LOCKED, 0));
  }
  set(kept, kept);
  attempt('PR_SET_NO_NEW_PRIVS', calls.prctl(PR_SET_NO_NEW_PRIVS, 1, 0));
  if (isReady) attempt('execve', calls.restart());
  return failures;
};

/** What a thread has, or could get back, beyond what is wanted. */
const excess = (
  { effective, permitted, bounding }: ThreadPrivileges,
  wanted: CapabilityMask,
): CapabilityMask =>
  // Without CAP_SETPCAP the bounding set stays as it is; it gives nothing where no new privileges are to be had.
  (effective | permitted | (hasCapability(effective, 'CAP_SETPCAP') ? bounding : 0n)) & ~wanted;

const shortfall = (
  threads: readonly ThreadPrivileges[],
  wanted: CapabilityMask,
  failures: readonly string[],
): string | undefined => {
  const reasons: string[] = [];
  const held = threads.filter(thread => excess(thread, wanted) !== 0n);
  if (held.length > 0) {
    const all = held.reduce((sum, thread) => sum | excess(thread, wanted), 0n);
    reasons.push(
      `${held.length} of ${threads.length} threads hold capabilities beyond those needed (${all.toString(16)})`,
    );
  }
  if (threads.some(({ noNewPrivileges }) => !noNewPrivileges)) reasons.push('no_new_privs is not set');
  return reasons.length === 0 ? undefined : sentence([...reasons, ...failures]);
};

const failed = (name: string, errno: number): string => `${name}: errno ${errno}`;

const sentence = (reasons: readonly string[]): string =>
  `privileges that are not needed could not be given up: ${reasons.join(', ')}; all else is as usual`;

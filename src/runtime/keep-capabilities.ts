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
/** linux/securebits.h: being root gives no capabilities at an exec, and that cannot be undone. */
const SECBIT_NOROOT_LOCKED = 0b11;

/** The system calls. Each returns 0 or an errno, and acts on the calling thread. */
export interface PrivilegeCalls {
  /**
   * The privileges of every thread of this process, the calling one first; threads that cannot be read are left out.
   */
  readonly threads: () => readonly ThreadPrivileges[];
  readonly prctl: (option: number, second: number, third: number) => number;
  /** @param sets as made by `encodeCapabilities` */
  readonly capset: (sets: Uint8Array) => number;
  /** Whether `restart` started this program; true only once. */
  readonly wasRestarted: () => boolean;
  /** Starts this program anew in the same process, with the same arguments. Returns only if that fails. */
  readonly restart: () => number;
}

/**
 * Gives up every capability that is not needed, in every thread and for good, and the ways to regain them.
 *
 * Capabilities belong to threads, and Node starts some threads before the first line of a program. Only an exec
 * reaches those: after it a process has one thread, with what the exec lets through. So this program is started anew,
 * in the same process, with a reduced bounding set and the needed capabilities in the ambient set. SECBIT_NOROOT then
 * prevents that being root adds to them. Programs that it runs later have no capability at all.
 *
 * A failure here is no reason to end: the kernel may be old, or a sandbox may forbid the calls.
 *
 * @returns what could not be given up, as one sentence; undefined if all is as it should be
 */
export const keepCapabilities = (needed: Iterable<Capability>, calls: PrivilegeCalls): string | undefined => {
  const wanted = capabilityMask(needed);
  if (calls.wasRestarted()) {
    // These are for the exec that has happened.
    const [own] = calls.threads();
    calls.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0);
    if (own !== undefined) calls.capset(encodeCapabilities({ ...own, inheritable: 0n }));
    return shortfall(calls.threads(), wanted, []);
  }
  const before = calls.threads();
  const [own] = before;
  if (own === undefined) return sentence(['/proc/self/task/*/status cannot be read']);
  if (!before.some(thread => excess(thread, wanted) !== 0n)) {
    // Threads that exist already run no programs.
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
  // The ambient set requires permitted and inheritable; the securebits require CAP_SETPCAP.
  const isReady =
    set(kept | (maySetBounds ? capabilityMask(['CAP_SETPCAP']) : 0n), kept) &&
    capabilityNumbers(kept).every(number =>
      attempt('PR_CAP_AMBIENT_RAISE', calls.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number)),
    );
  // Without the ambient set nothing would be left after the exec.
  if (isReady && maySetBounds) {
    attempt('PR_SET_SECUREBITS', calls.prctl(PR_SET_SECUREBITS, SECBIT_NOROOT_LOCKED, 0));
  }
  set(kept, kept);
  attempt('PR_SET_NO_NEW_PRIVS', calls.prctl(PR_SET_NO_NEW_PRIVS, 1, 0));
  if (isReady) attempt('execve', calls.restart());
  return failures;
};

/** What a thread has, or could regain, beyond what is wanted. */
const excess = (
  { effective, permitted, bounding }: ThreadPrivileges,
  wanted: CapabilityMask,
): CapabilityMask =>
  // Without CAP_SETPCAP the bounding set cannot be reduced; but it gives nothing if no new privileges can be gained.
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
  `privileges that are not needed could not be dropped: ${reasons.join(', ')}; everything else works as usual`;

import { statSync } from 'node:fs';
import type { Capability } from '../runtime/capabilities.ts';

/** What reading the kernel's events takes, each with its reason. */
export const LIVE_CAPABILITIES = {
  CAP_AUDIT_CONTROL: 'rules, status and the unicast stream of kernel audit, and putting them back',
  CAP_AUDIT_READ: 'the multicast copy of the stream, when another process has it',
  CAP_NET_ADMIN: 'a receive buffer above the limit of ordinary programs, and the events of new processes',
  CAP_SYS_PTRACE:
    "the links in /proc/PID of other users' processes: exe, root, fd, namespaces; the audit socket of an instance that was killed; which thread of osqueryd asks",
  CAP_DAC_READ_SEARCH: "hashing programs that only their users may read, and the way to other users' files",
} as const satisfies Partial<Record<Capability, string>>;

/** Recorded events are read from files, whoever owns them. */
const REPLAY_CAPABILITIES: readonly Capability[] = ['CAP_DAC_READ_SEARCH'];

/** Which of osqueryd's threads asks decides on what it gets. */
const CORE_CAPABILITIES: readonly Capability[] = ['CAP_SYS_PTRACE'];

export interface Needs {
  readonly isReplay: boolean;
  /** Whether an osquery asks. */
  readonly isExtension?: boolean;
  /** What is opened for writing, made in, or connected to. */
  readonly writes: readonly string[];
}

/** The capabilities to keep. */
export const neededCapabilities = ({
  isReplay,
  isExtension = false,
  writes,
}: Needs): readonly Capability[] => {
  const replay = isExtension ? [...REPLAY_CAPABILITIES, ...CORE_CAPABILITIES] : REPLAY_CAPABILITIES;
  const needed = isReplay ? replay : (Object.keys(LIVE_CAPABILITIES) as Capability[]);
  // Root that joins the osqueryi of a user works in that user's directory.
  return writes.every(ownerMayWrite) ? needed : [...needed, 'CAP_DAC_OVERRIDE'];
};

const OWNER_WRITE = 0o200;

/** Whether this process may write to a file as its owner; true for one that is not there. */
const ownerMayWrite = (path: string): boolean => {
  try {
    const { uid, mode } = statSync(path);
    return uid === process.geteuid?.() && (mode & OWNER_WRITE) !== 0;
  } catch {
    return true;
  }
};

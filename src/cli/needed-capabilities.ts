import { statSync } from 'node:fs';
import type { Capability } from '../runtime/capabilities.ts';

/** Capabilities for reading the kernel's events, each with its reason. */
export const LIVE_CAPABILITIES = {
  CAP_AUDIT_CONTROL: 'rules, status and the unicast stream of kernel audit, and putting them back',
  CAP_AUDIT_READ: 'the multicast copy of the stream, when another process has it',
  CAP_NET_ADMIN: 'a receive buffer above the limit of ordinary programs, and the events of new processes',
  CAP_SYS_PTRACE:
    "the links in /proc/PID of other users' processes: exe, root, fd, namespaces; the audit socket of an instance that was killed; the thread of osqueryd that asks",
  CAP_DAC_READ_SEARCH: "hashing programs that only their users may read, and reaching other users' files",
} as const satisfies Partial<Record<Capability, string>>;

/** Recorded events are read from files of any owner. */
const REPLAY_CAPABILITIES: readonly Capability[] = ['CAP_DAC_READ_SEARCH'];

/** The answer depends on which of osqueryd's threads asks. */
const CORE_CAPABILITIES: readonly Capability[] = ['CAP_SYS_PTRACE'];

export interface Needs {
  readonly isReplay: boolean;
  /** Whether it runs as an extension of an osquery. */
  readonly isExtension?: boolean;
  /** Files opened for writing, directories in which files are made, and sockets connected to. */
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
  // If root joins a user's osqueryi, it works in that user's directory.
  return writes.every(ownerMayWrite) ? needed : [...needed, 'CAP_DAC_OVERRIDE'];
};

const OWNER_WRITE = 0o200;

/** Whether this process may write to a file as its owner; true if the file does not exist. */
const ownerMayWrite = (path: string): boolean => {
  try {
    const { uid, mode } = statSync(path);
    return uid === process.geteuid?.() && (mode & OWNER_WRITE) !== 0;
  } catch {
    return true;
  }
};

import { accessSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { endianness } from 'node:os';

/** What a process can determine about itself and its kernel without using audit. */
export interface HostFacts {
  readonly platform: NodeJS.Platform;
  /** Netlink messages and rules have the host's byte order; this program writes them in little-endian order. */
  readonly isBigEndian?: boolean;
  readonly isRoot: boolean;
  /** CAP_AUDIT_CONTROL is effective. */
  readonly canControlAudit: boolean;
  /** The kernel was built with audit and not started with `audit=0`. */
  readonly kernelHasAudit: boolean;
  /** In the host's own user and pid namespaces; elsewhere the kernel refuses audit. */
  readonly inInitialNamespaces: boolean;
  /** macOS: there is an audit pipe. */
  readonly hasAuditPipe: boolean;
}

export type LiveEvents =
  | { readonly kind: 'possible' }
  | { readonly kind: 'impossible'; readonly why: string };

/** Whether this process can receive events from its kernel; if not, why, as the end of a sentence. */
export const liveEvents = (host: HostFacts): LiveEvents => {
  const why = whyNot(host);
  return why === undefined ? { kind: 'possible' } : { kind: 'impossible', why };
};

const whyNot = (host: HostFacts): string | undefined => {
  if (host.platform === 'darwin') {
    if (!host.hasAuditPipe) return 'this system has no /dev/auditpipe';
    return host.isRoot ? undefined : 'reading audit events needs root';
  }
  if (host.platform !== 'linux') return `audit events need Linux or macOS, and this is ${host.platform}`;
  if (host.isBigEndian === true)
    return 'live events are read on little-endian machines only; --replay reads logs here';
  if (!host.kernelHasAudit) return 'this kernel has no audit, or was started with audit=0';
  if (!host.inInitialNamespaces) return "audit belongs to the host's own namespaces, and this is a container";
  if (host.canControlAudit) return undefined;
  return host.isRoot ? 'root lacks the capability CAP_AUDIT_CONTROL here' : 'reading audit events needs root';
};

const CAP_AUDIT_CONTROL = 30n;
/** Inode numbers of the first namespaces. Source: linux/proc_ns.h. */
const initialNamespaces: Readonly<Record<string, string>> = {
  user: 'user:[4026531837]',
  pid: 'pid:[4026531836]',
};

/** Asks the system; what cannot be read counts as missing. */
export const readHostFacts = (): HostFacts => ({
  platform: process.platform,
  isBigEndian: endianness() === 'BE',
  isRoot: process.geteuid?.() === 0,
  canControlAudit: ((effectiveCapabilities() >> CAP_AUDIT_CONTROL) & 1n) === 1n,
  // The file exists exactly if the kernel was built with CONFIG_AUDIT.
  kernelHasAudit:
    exists('/proc/self/loginuid') && !/(?:^|\s)audit=(?:0|off)(?:\s|$)/.test(readText('/proc/cmdline')),
  inInitialNamespaces: Object.entries(initialNamespaces).every(
    ([name, link]) => readLink(`/proc/self/ns/${name}`) === link,
  ),
  hasAuditPipe: exists('/dev/auditpipe'),
});

/** Recorded Linux events below a directory, sorted by path; empty if there is no such directory. */
export const recordedLogs = (directory: string): readonly string[] => {
  try {
    return readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.log'))
      .sort()
      .map(name => `${directory}/${name}`);
  } catch {
    return [];
  }
};

const effectiveCapabilities = (): bigint => {
  const digits = /^CapEff:\s*([0-9a-f]+)$/m.exec(readText('/proc/self/status'))?.[1];
  return digits === undefined ? 0n : BigInt(`0x${digits}`);
};

const exists = (path: string): boolean => {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
};

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

const readLink = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
};

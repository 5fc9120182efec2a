/** A kernel of Debian's archive, with the system that it comes with. */
export interface Kernel {
  /** As people ask for it. */
  readonly name: string;
  readonly suite: string;
  /** What the table calls the system. */
  readonly system: string;
  /** Suite that the kernel's packages come from, where it is not the system's own. */
  readonly from?: string;
}

export const kernels: readonly Kernel[] = [
  { name: '5.10', suite: 'bullseye', system: 'Debian 11' },
  { name: '6.1', suite: 'bookworm', system: 'Debian 12' },
  { name: '6.12', suite: 'trixie', system: 'Debian 13' },
  { name: 'backports', suite: 'trixie', system: 'Debian 13', from: 'trixie-backports' },
];

/** Packages of Debian that the tests use. */
export const guestPackages = [
  'apparmor',
  'auditd',
  'busybox-static',
  'initramfs-tools',
  'iproute2',
  'kmod',
  'libstdc++6',
  'perl',
  'procps',
  'python3',
  'zstd',
];

/** How a kernel is booted, each with AppArmor, as Debian does, and the tests on what it does and says there. */
export interface Boot {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly tests: readonly string[];
}

const APPARMOR = ['apparmor=1', 'security=apparmor'];

/** What may be otherwise where audit is on from the start. */
const AUDITED = [
  'test/live/apparmor.test.ts',
  'test/live/events.test.ts',
  'test/live/lifecycle.test.ts',
  'test/live/restart.test.ts',
  'test/live/unaudited.test.ts',
];

export const boots: readonly Boot[] = [
  {
    name: 'as installed',
    parameters: APPARMOR,
    // Those of load, and of what surrounds the extension, say nothing about a kernel.
    tests: [
      ...AUDITED,
      'test/live/bpf-processes.test.ts',
      'test/live/bpf-programs.test.ts',
      'test/live/exclusions.test.ts',
      'test/live/files.test.ts',
      'test/live/forgery.test.ts',
      'test/live/socket-ends.test.ts',
    ],
  },
  { name: 'audit=1', parameters: [...APPARMOR, 'audit=1'], tests: AUDITED },
];

/** What is recorded of each kernel: what its records may tell in a form of their own. */
export const recorded = [
  'apparmor-profile',
  'clone',
  'clone-thread',
  'connect-failed',
  'connect-i386',
  'connect-io-uring',
  'connect-ipv4',
  'connect-ipv6',
  'connect-unix',
  'exec',
  'exec-cwd',
  'exec-evil-name',
  'exec-execveat',
  'exec-failed',
  'exec-i386',
  'exec-invalid-utf8',
  'exec-odd-arguments',
  'exec-script',
  'exec-uid',
  'files',
  'files-io-uring',
  'fork',
  'kill',
  'seccomp',
  'su',
  'vfork',
];

/** A machine as a newcomer may have it. */
export interface FreshCase {
  readonly name: string;
  /** Debian's suite. */
  readonly suite: string;
  /** Debian's packages besides the minimal system. */
  readonly packages: readonly string[];
  /** Node and npm of the registry, where they are not Debian's; ranges are the newest within them. */
  readonly versions?: { readonly node: string; readonly npm: string };
}

const debian13 = { suite: 'trixie', packages: ['ca-certificates'] };

export const freshCases: readonly FreshCase[] = [
  { name: 'Debian 12', suite: 'bookworm', packages: ['nodejs', 'npm'] },
  { name: 'Debian 13', suite: 'trixie', packages: ['nodejs', 'npm'] },
  { name: 'Node 20.20', ...debian13, versions: { node: '20.20', npm: '11' } },
  { name: 'Node 22', ...debian13, versions: { node: '22', npm: '10' } },
  { name: 'Node 24', ...debian13, versions: { node: '24', npm: '11' } },
  // Its own binary does not start without libatomic; what the project runs on is another.
  {
    name: 'Node 26',
    suite: 'trixie',
    packages: ['ca-certificates', 'libatomic1'],
    versions: { node: '26', npm: '11' },
  },
];

/** Programs that a newcomer need not have. */
export const notNeeded = ['cc', 'gcc', 'make', 'strip'] as const;

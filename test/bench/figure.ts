/** One number that a scenario measured. */
export interface Figure {
  /** What was measured, in words: `rows stored`. */
  readonly name: string;
  readonly value: number;
  /** `rows`, `µs`, `ms`, `MB`, `×` … */
  readonly unit: string;
  /** What it is to reach. */
  readonly goal?: Goal;
  /** The same of a peer, by its name: measured in this run, or known from elsewhere. */
  readonly peers?: readonly PeerFigure[];
}

export type Goal = { readonly atMost: number } | { readonly atLeast: number };

export interface PeerFigure {
  readonly peer: Peer;
  /** As it is printed: some are a range. */
  readonly text: string;
  readonly source: 'measured' | 'reference';
}

export const peers = ['osqueryd', 'auditd'] as const;
export type Peer = (typeof peers)[number];

/** A peer's figure that was not measured now, but on a machine of the same kind: see reference.ts. */
export const reference = (peer: Peer, text: string): PeerFigure => ({ peer, text, source: 'reference' });

export const isReached = ({ value, goal }: Figure): boolean | undefined =>
  goal === undefined ? undefined : 'atMost' in goal ? value <= goal.atMost : value >= goal.atLeast;

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** @param fraction 0 to 1 */
export const percentile = (values: readonly number[], fraction: number): number => {
  if (values.length === 0) throw new RangeError('expected at least one value, got none');
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))]!;
};

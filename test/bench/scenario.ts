import type { Figure } from './figure.ts';
import type { Program } from './program.ts';

export interface BenchContext {
  /** How the extension is started. */
  readonly program: Program;
  /** Tells people what goes on. */
  readonly note: (text: string) => void;
}

/** One measurement, which also runs alone. */
export interface Scenario {
  readonly name: string;
  /** What it does, in one line. */
  readonly title: string;
  /** Whether it takes the kernel's audit for itself while it runs. */
  readonly needsAudit: boolean;
  readonly run: (context: BenchContext) => Promise<readonly Figure[]>;
}

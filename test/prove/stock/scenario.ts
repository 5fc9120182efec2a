import type { Stage } from './stage.ts';

/** Something that a stock osqueryd is put through. */
export interface StockScenario {
  readonly name: string;
  /** One line for people. */
  readonly title: string;
  /** It takes the kernel's own events, and so root; others play on recorded ones. */
  readonly isLive: boolean;
  /** Seconds after which it is given up. */
  readonly limit: number;
  /** @throws Error if it cannot go on; what was seen until then counts */
  run(stage: Stage): Promise<void>;
}

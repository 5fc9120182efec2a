import type { FuzzProgress } from './fuzzer.ts';

export interface FuzzWorkerData {
  /** Of the target. */
  readonly name: string;
  readonly executions: number;
  readonly seed: number;
  /** Two i32: inputs begun, and the length of the current one. */
  readonly progress: SharedArrayBuffer;
  /** The current input. */
  readonly input: SharedArrayBuffer;
}

export type FuzzWorkerMessage =
  | ({ readonly kind: 'progress' | 'done' } & FuzzProgress)
  | { readonly kind: 'finding'; readonly input: Uint8Array; readonly what: string };

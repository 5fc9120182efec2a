/** A word that inputs of a target are made of: the alphabet of its grammar, which mutation alone would hardly find. */
export type Word = string | Uint8Array;

/** One way into the product for bytes that somebody else chose. */
export interface FuzzTarget {
  readonly name: string;
  /** Longest input, in bytes. */
  readonly maxBytes: number;
  /** What mutation starts from: real inputs where there are some. */
  readonly seeds: () => readonly Uint8Array[];
  readonly words: readonly Word[];
  /**
   * Gives the bytes to the product and checks all that must hold whatever they are. The bytes must not be kept.
   *
   * @throws if something does not hold
   */
  run(input: Buffer): void;
}

/** What must hold did not. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

export const check = (holds: boolean, what: string): void => {
  if (!holds) throw new InvariantError(what);
};

export const checkEqual = (got: unknown, expected: unknown, what: string): void => {
  if (Object.is(got, expected)) return;
  throw new InvariantError(`${what}: expected ${show(expected)}, got ${show(got)}`);
};

/** As JSON, short. */
export const show = (value: unknown): string => {
  const text =
    JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part)) ?? 'undefined';
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
};

/** Runs `use` and lets errors of one class pass: they are how the product says no. */
export const refusals = <T>(
  refusal: abstract new (...args: never[]) => Error,
  use: () => T,
): T | undefined => {
  try {
    return use();
  } catch (error) {
    if (error instanceof refusal) return undefined;
    throw error;
  }
};

import type { FlagDefinition, FlagType } from './flag-definition.ts';
import { quoteText } from './flag-error.ts';

export type FlagValue =
  | { readonly kind: 'value'; readonly text: string }
  /** `expected` and `got` are ready for a message. */
  | { readonly kind: 'malformed'; readonly expected: string; readonly got: string };

/** The words gflags takes for a boolean, in any case. */
const booleanWords: ReadonlyMap<string, 'true' | 'false'> = new Map([
  ...['true', 't', 'yes', 'y', '1'].map(word => [word, 'true'] as const),
  ...['false', 'f', 'no', 'n', '0'].map(word => [word, 'false'] as const),
]);

const integerRanges: Readonly<Record<Exclude<FlagType, 'bool' | 'string'>, readonly [bigint, bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

/**
 * Text at the end of values copied from osquery's own documentation page: a line separator (U+2028), which some
 * copies carry as its UTF-8 bytes read in another character set.
 */
const pastedTail = /(?:\u2028|\u00e2\u20ac\u00a8|\u201a\u00c4\u00ae)+$/u;

/** Whether a boolean flag would take this word after `=`. */
export const isBooleanWord = (text: string): boolean => booleanWords.has(text.toLowerCase());

/**
 * Reads a value as gflags does and returns its canonical text: `true` or `false`; decimal digits without leading
 * zeros; a string unchanged. Numbers may be decimal or hexadecimal (`0x`); white space around them is ignored.
 */
export const parseFlagValue = (definition: FlagDefinition, raw: string): FlagValue => {
  switch (definition.type) {
    case 'bool': {
      const text = booleanWords.get(raw.replace(pastedTail, '').trim().toLowerCase());
      return text === undefined
        ? { kind: 'malformed', expected: 'true or false', got: quoteText(raw) }
        : { kind: 'value', text };
    }
    case 'string':
      return definition.words === undefined || definition.words.includes(raw)
        ? { kind: 'value', text: raw }
        : { kind: 'malformed', expected: oneOf(definition.words), got: quoteText(raw) };
    default: {
      const range = integerRanges[definition.type];
      const low = definition.minimum ?? range[0];
      const high = definition.maximum ?? range[1];
      const value = parseInteger(raw.replace(pastedTail, '').trim());
      return value === undefined || value < low || value > high
        ? { kind: 'malformed', expected: `a whole number from ${low} to ${high}`, got: quoteText(raw) }
        : { kind: 'value', text: value.toString() };
    }
  }
};

const parseInteger = (text: string): bigint | undefined => {
  const match = /^([+-]?)(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,40})$/.exec(text);
  const digits = match?.[2];
  if (digits === undefined) return undefined;
  const value = BigInt(digits);
  return match?.[1] === '-' ? -value : value;
};

const oneOf = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

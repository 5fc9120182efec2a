import type { FieldCursor } from './record.ts';

const LETTER_A = 0x61;
const BRACKET = 0x5b;
const UNDERSCORE = 0x5f;

/** The name of a field of an EXECVE record: `aN`, `aN_len` or `aN[K]`. */
export type ArgumentKey =
  | { readonly kind: 'whole' | 'length'; readonly index: number }
  | { readonly kind: 'fragment'; readonly index: number; readonly fragment: number };

/** @returns undefined if the field belongs to no argument */
export const argumentKey = ({ bytes, keyStart, keyEnd }: FieldCursor): ArgumentKey | undefined => {
  if (bytes[keyStart] !== LETTER_A) return undefined;
  let at = keyStart + 1;
  const number = (): number => {
    let value = 0;
    const start = at;
    for (; at < keyEnd; at++) {
      const digit = bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    return at === start ? -1 : value;
  };
  const index = number();
  if (index < 0) return undefined;
  if (at === keyEnd) return { kind: 'whole', index };
  if (bytes[at] === UNDERSCORE) return { kind: 'length', index };
  if (bytes[at] !== BRACKET) return undefined;
  at++;
  const fragment = number();
  return fragment < 0 ? undefined : { kind: 'fragment', index, fragment };
};

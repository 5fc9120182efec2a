/**
 * Finds SQL that mentions one of some names, in any case and as a whole word. A name in a comment or in a string
 * counts, too.
 */
export const mentionsOf = (names: Iterable<string>): RegExp =>
  new RegExp(`(?<![a-z0-9_])(?:${Array.from(names, literally).join('|')})(?![a-z0-9_])`, 'i');

/** A pattern that matches only this text. RegExp.escape would need Node 24. */
const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

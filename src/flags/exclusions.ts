import { CUSTOM_PREFIX } from './custom-options.ts';
import { quoteText } from './flag-error.ts';
import { listOf } from './list-of.ts';

/** Programs and users whose events are left out. */
export interface Exclusions {
  /** Paths of programs, as in the `exe` field of a record. */
  readonly exes: readonly string[];
  readonly uids: readonly number[];
  /** Login uids; 4294967295 means that nobody has logged in. */
  readonly auids: readonly number[];
}

export const NO_EXCLUSIONS: Exclusions = { exes: [], uids: [], auids: [] };

/** Most entries of one list; further ones are ignored. */
const MAX_ENTRIES = 1_024;
/** 4294967295: unset. */
const MAX_ID = 4_294_967_295;
const UNSET = 'unset';

/**
 * Reads the lists of exclusions. A wrong entry is named in a warning; the other entries count.
 *
 * @param text of an option, by its name
 */
export const readExclusions = (text: (name: string) => string, warnings: string[]): Exclusions => {
  const list = <Entry>(
    what: string,
    parse: (entry: string) => Entry | undefined,
    expected: string,
  ): Entry[] => {
    const name = `${CUSTOM_PREFIX}exclude_${what}`;
    const entries = listOf(text(name));
    if (entries.length > MAX_ENTRIES)
      warnings.push(
        `option ${name}: expected at most ${MAX_ENTRIES} entries, got ${entries.length}; the first are used`,
      );
    return entries.slice(0, MAX_ENTRIES).flatMap(entry => {
      const value = parse(entry);
      if (value === undefined)
        warnings.push(
          `option ${name}: expected ${expected}, got ${quoteText(entry)}; the other entries hold`,
        );
      return value === undefined ? [] : [value];
    });
  };
  return {
    exes: list('exe', parsePath, 'absolute paths'),
    uids: list('uid', entry => parseUid(entry, MAX_ID - 1), 'uids'),
    auids: list(
      'auid',
      entry => (entry === UNSET ? MAX_ID : parseUid(entry, MAX_ID)),
      'login uids, or unset',
    ),
  };
};

const parsePath = (entry: string): string | undefined =>
  entry.startsWith('/') && !entry.endsWith('/') && !entry.includes('\0') ? entry : undefined;

const parseUid = (entry: string, most: number): number | undefined => {
  const uid = /^\d{1,10}$/.test(entry) ? Number(entry) : Number.NaN;
  return uid <= most ? uid : undefined;
};

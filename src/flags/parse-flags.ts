import { messageOf } from '../runtime/message-of.ts';
import type { FlagDefinition, FlagTable } from './flag-definition.ts';
import { resolveAlias } from './flag-definition.ts';
import { FlagError, quoteText } from './flag-error.ts';
import { isBooleanWord, parseFlagValue } from './flag-value.ts';
import { flagfileLines, MAX_FLAGFILE_BYTES, MAX_FLAGFILE_DEPTH, MAX_FLAGFILES } from './flagfile.ts';
import { nearestName } from './nearest-name.ts';

export interface ParseFlagsOptions {
  readonly flags: FlagTable;
  /** Returns a flagfile's bytes; may stop after `limit` + 1 of them. Throws the system's error. */
  readonly readFlagfile: (path: string, limit: number) => Uint8Array;
}

export interface ParsedFlags {
  /** Flags that were given, by their own name (never an alias), as canonical text; the last one won. */
  readonly values: ReadonlyMap<string, string>;
  /** Values of repeatable flags, in the order given. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** Arguments that are not flags, and everything after `--`. */
  readonly positionals: readonly string[];
}

/**
 * Reads command line arguments in gflags' syntax: `--x`, `--nox`, `--x=v`, `--x v` for what is not a boolean; one
 * dash instead of two; `-` for `_` within names; `--` ends the flags; `--flagfile=A,B` is replaced by the files'
 * flags. Flags and other arguments may be mixed. A flagfile holds one flag a line, with `=`. gflags skips lines of a
 * flagfile that it does not understand; this parser reports them.
 * @throws FlagError
 */
export const parseFlags = (args: readonly string[], options: ParseFlagsOptions): ParsedFlags => {
  const parser = new FlagParser(options);
  parser.readArguments(args);
  const { values, lists, positionals } = parser;
  return { values, lists, positionals };
};

class FlagParser {
  readonly values = new Map<string, string>();
  readonly lists = new Map<string, string[]>();
  readonly positionals: string[] = [];
  readonly #flags: FlagTable;
  readonly #readFlagfile: ParseFlagsOptions['readFlagfile'];
  #flagfilesRead = 0;

  constructor({ flags, readFlagfile }: ParseFlagsOptions) {
    this.#flags = flags;
    this.#readFlagfile = readFlagfile;
  }

  readArguments(args: readonly string[]): void {
    for (let index = 0; index < args.length; index++) {
      const argument = args[index]!;
      if (argument === '--') {
        this.positionals.push(...args.slice(index + 1));
        return;
      }
      const token = splitFlag(argument);
      if (token === undefined) this.positionals.push(argument);
      else if (token.name === 'flagfile') this.#readFiles(token.value ?? args[++index] ?? '', '', []);
      else if (this.#readArgument(token, args[index + 1])) index++;
    }
  }

  /** Returns whether `next` is the flag's value. */
  #readArgument(token: FlagToken, next: string | undefined): boolean {
    const { definition, value } = findFlag(this.#flags, token, '');
    if (value === undefined) {
      if (next === undefined) {
        throw new FlagError('missing-value', `${token.written} needs a value: write ${token.written}=VALUE`);
      }
      this.#assign(definition, token.written, next, '');
      return true;
    }
    if (token.value === undefined && next !== undefined && isBooleanWord(next)) {
      // gflags would take the word as another argument, and the flag as true, whatever the word says.
      throw new FlagError(
        'bad-value',
        `${token.written} takes its value after "=": write --${definition.name}=${next}`,
      );
    }
    this.#assign(definition, token.written, value, '');
    return false;
  }

  #assign(definition: FlagDefinition, written: string, raw: string, where: string): void {
    const parsed = parseFlagValue(definition, raw);
    if (parsed.kind === 'malformed') {
      throw new FlagError('bad-value', `${where}${written}: expected ${parsed.expected}, got ${parsed.got}`);
    }
    if (definition.repeatable === true) {
      const list = this.lists.get(definition.name);
      if (list === undefined) this.lists.set(definition.name, [parsed.text]);
      else list.push(parsed.text);
    } else {
      this.values.set(definition.name, parsed.text);
    }
  }

  /** @param open the files that include these, outermost first */
  #readFiles(paths: string, where: string, open: readonly string[]): void {
    for (const path of paths.split(',')) {
      if (path === '') {
        throw new FlagError('missing-value', `${where}--flagfile: expected a file's name after "="`);
      }
      for (const { number, text } of flagfileLines(this.#load(path, where, open))) {
        const here = `${path}, line ${number}: `;
        const token = splitFlag(text);
        if (token === undefined) {
          const expected = `${here}expected a flag such as --events_max=1000, got ${quoteText(text)}`;
          throw new FlagError('flagfile', expected);
        }
        if (token.name === 'flagfile') this.#readFiles(token.value ?? '', here, [...open, path]);
        else this.#readLine(token, here);
      }
    }
  }

  #readLine(token: FlagToken, here: string): void {
    const { definition, value } = findFlag(this.#flags, token, here);
    if (value === undefined) {
      throw new FlagError(
        'missing-value',
        `${here}${token.written} needs a value: write ${token.written}=VALUE`,
      );
    }
    this.#assign(definition, token.written, value, here);
  }

  #load(path: string, where: string, open: readonly string[]): string {
    const refuse = (why: string, cause?: unknown): FlagError =>
      new FlagError('flagfile', `${where}flagfile ${quoteText(path)} ${why}`, { cause });
    if (open.includes(path)) throw refuse('includes itself: remove one of the --flagfile lines');
    if (open.length >= MAX_FLAGFILE_DEPTH) throw refuse(`is nested more than ${MAX_FLAGFILE_DEPTH} deep`);
    if (++this.#flagfilesRead > MAX_FLAGFILES) {
      throw refuse(`is one too many: at most ${MAX_FLAGFILES} are read`);
    }
    let bytes: Uint8Array;
    try {
      bytes = this.#readFlagfile(path, MAX_FLAGFILE_BYTES);
    } catch (cause) {
      throw refuse(`cannot be read: ${reasonOf(cause)}`, cause);
    }
    if (bytes.length > MAX_FLAGFILE_BYTES) {
      throw refuse(`is larger than ${MAX_FLAGFILE_BYTES} bytes: is it a flagfile?`);
    }
    return new TextDecoder().decode(bytes);
  }
}

interface FlagToken {
  /** Without dashes in front, with `-` made `_`. */
  readonly name: string;
  /** The name as written, with its dashes, for messages. */
  readonly written: string;
  readonly value: string | undefined;
}

/** undefined for what is not a flag: `-`, `--`, and anything that does not start with a dash. */
const splitFlag = (text: string): FlagToken | undefined => {
  if (!text.startsWith('-')) return undefined;
  const start = text.startsWith('--') ? 2 : 1;
  const equals = text.indexOf('=', start);
  const end = equals < 0 ? text.length : equals;
  if (text.length === start) return undefined;
  return {
    name: text.slice(start, end).replaceAll('-', '_'),
    written: printable(text.slice(0, end)),
    value: equals < 0 ? undefined : text.slice(equals + 1),
  };
};

/** `value` is undefined where the next argument holds it. */
interface FoundFlag {
  readonly definition: FlagDefinition;
  readonly value: string | undefined;
}

const findFlag = (flags: FlagTable, token: FlagToken, where: string): FoundFlag => {
  const direct = flags.get(token.name);
  if (direct !== undefined) {
    const definition = resolveAlias(flags, direct);
    return { definition, value: token.value ?? (definition.type === 'bool' ? 'true' : undefined) };
  }
  const negated = token.name.startsWith('no') ? flags.get(token.name.slice(2)) : undefined;
  if (negated !== undefined) {
    const definition = resolveAlias(flags, negated);
    if (definition.type !== 'bool') {
      throw new FlagError(
        'bad-value',
        `${where}${token.written}: --${negated.name} is not a boolean, so "no" before it means nothing`,
      );
    }
    if (token.value !== undefined) {
      throw new FlagError(
        'bad-value',
        `${where}${token.written} takes no value: write --${negated.name}=true or --${negated.name}=false`,
      );
    }
    return { definition, value: 'false' };
  }
  throw new FlagError(
    'unknown-flag',
    `${where}unknown flag ${token.written}${suggestion(flags, token.name)}; --help lists the flags`,
  );
};

const suggestion = (flags: FlagTable, name: string): string => {
  const near = nearestName(name, flagSpellings(flags));
  return near === undefined ? '' : ` (did you mean --${near}?)`;
};

function* flagSpellings(flags: FlagTable): Generator<string> {
  for (const definition of flags.values()) {
    if (definition.group === 'stock') continue;
    yield definition.name;
    if (definition.type === 'bool') yield `no${definition.name}`;
  }
}

const printable = (written: string): string =>
  /^[\x21-\x7e]{1,64}$/.test(written) ? written : quoteText(written);

const reasonOf = (cause: unknown): string => {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'ENOENT':
      return 'no such file';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return messageOf(cause);
  }
};

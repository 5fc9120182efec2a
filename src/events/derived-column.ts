import { type ColumnMask, findValue, isPresent } from './encoded-row.ts';
import { argumentsOf } from './joined-arguments.ts';
import { type ExtraEntry, encodeEntry } from './late-columns.ts';
import type { RowView } from './selection-writer.ts';

/** Most characters of JSON for one byte of a command line: `\u0001`. */
const MOST_GROWTH = 6;

const NAME = 'argv';
/** The column that it is derived from, by table. */
const SOURCES = ['cmdline', 'process_command_line'] as const;

/** The column with the list of arguments. It is derived from the command line, so it is computed on demand. */
export class DerivedArguments {
  readonly column: number;
  readonly #source: number;
  readonly #overheads: Uint32Array;

  private constructor(column: number, source: number, overheads: Uint32Array) {
    this.column = column;
    this.#source = source;
    this.#overheads = overheads;
  }

  /** @returns undefined for a table without such columns */
  static of(names: readonly string[], overheads: Uint32Array): DerivedArguments | undefined {
    const source = SOURCES.find(name => names.includes(name));
    if (source === undefined || !names.includes(NAME)) return undefined;
    return new DerivedArguments(names.indexOf(NAME), names.indexOf(source), overheads);
  }

  isWanted({ low, high }: ColumnMask): boolean {
    return isPresent(low, high, this.column);
  }

  /** Most bytes that this column adds to rows of that size. */
  mostBytes(rowBytes: number): number {
    return MOST_GROWTH * rowBytes;
  }

  /** @returns undefined if the row has no command line */
  entryOf(row: RowView): ExtraEntry | undefined {
    const commandLine = this.#text(row, this.#source);
    if (commandLine === undefined) return undefined;
    const value = argumentsOf(commandLine, this.#text(row, this.column));
    return value === undefined ? undefined : { column: this.column, bytes: encodeEntry(NAME_BYTES, value) };
  }

  #text(row: RowView, column: number): string | undefined {
    const value = findValue(row, column, this.#overheads);
    return value && row.bytes.toString('utf8', value.start, value.end);
  }
}

const NAME_BYTES = Buffer.from(NAME);

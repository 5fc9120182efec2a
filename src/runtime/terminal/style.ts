/** Colours of a terminal. Text that goes anywhere else has none. */
import { styleText } from 'node:util';

type Paint = (text: string) => string;

/** By what a text is, not by how it looks. */
export interface Style {
  /** Names of columns, and what a line is about. */
  readonly name: Paint;
  /** Rules, NULL, and what is only context. */
  readonly faint: Paint;
  readonly bad: Paint;
  readonly good: Paint;
}

const same: Paint = text => text;

export const PLAIN: Style = { name: same, faint: same, bad: same, good: same };

const paint = (format: Parameters<typeof styleText>[0]): Paint => {
  // The caller has decided that there are colours.
  const options = { validateStream: false };
  return text => (text === '' ? '' : styleText(format, text, options));
};

export const COLOURED: Style = {
  name: paint('bold'),
  faint: paint('dim'),
  bad: paint('red'),
  good: paint('green'),
};

/** A stream that may be a terminal. */
export interface MaybeTerminal {
  readonly isTTY?: boolean | undefined;
  readonly hasColors?: ((count?: number, env?: object) => boolean) | undefined;
  readonly columns?: number | undefined;
}

/** Colours only on a terminal that has them, and not if NO_COLOR is set or TERM is `dumb`: Node's hasColors decides. */
export const styleOf = (stream: MaybeTerminal): Style =>
  stream.isTTY === true && stream.hasColors?.(16) === true ? COLOURED : PLAIN;

/** Columns of a terminal; undefined if the stream is none, or does not know its size. */
export const columnsOf = (stream: MaybeTerminal): number | undefined =>
  stream.isTTY === true && stream.columns !== undefined && stream.columns > 0 ? stream.columns : undefined;

import { headerCodecOfKind, TRAILER_ID } from './header.ts';
import type { BsmRecord } from './record.ts';
import { codecOfKind, type Token } from './token-table.ts';

const DEFAULT_DELIMITER = ',';

/**
 * A record as `praudit -r` prints it: one line a token, ids and numbers untranslated.
 *
 * Five things are meant to differ. Control characters and bytes that are not UTF-8 are written `\xHH`, for a name must
 * not be able to write lines of its own or talk to the terminal. `_ex` headers have the columns of the others, where
 * libbsm mixes XML in. All arguments are printed, where libbsm stops at 128. Times and data of 64 bits are printed
 * whole, where libbsm cuts them to 32. IPv6 addresses that begin with 96 zero bits end in hex too (`::a400:1`).
 */
export const printRecord = (record: BsmRecord, delimiter: string = DEFAULT_DELIMITER): string => {
  const { header, length, tokens } = record;
  const codec = headerCodecOfKind(header.kind);
  const lines = [
    line([codec.id, length, ...codec.print(header)], delimiter),
    ...tokens.map(token => printToken(token, delimiter)),
    line([TRAILER_ID, length], delimiter),
  ];
  return lines.join('');
};

/** One token alone: a bare file token between records is printed so. */
export const printToken = (token: Token, delimiter: string = DEFAULT_DELIMITER): string => {
  if (token.kind === 'unknown') {
    return line(
      [token.id, token.bytes.length === 0 ? '' : `0x${Buffer.from(token.bytes).toString('hex')}`],
      delimiter,
    );
  }
  const codec = codecOfKind(token.kind);
  return line([codec.id, ...codec.print(token)], delimiter);
};

const line = (columns: readonly (number | string)[], delimiter: string): string =>
  `${columns.map(visible).join(delimiter)}\n`;

const visible = (column: number | string): string =>
  String(column).replace(
    /\p{Cc}/gu,
    control => `\\x${control.codePointAt(0)!.toString(16).toUpperCase().padStart(2, '0')}`,
  );

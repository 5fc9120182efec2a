import { headerCodecOfKind, TRAILER_ID } from './header.ts';
import type { BsmRecord } from './record.ts';
import { codecOfKind, type Token } from './token-table.ts';

const DEFAULT_DELIMITER = ',';

/**
 * A record as `praudit -r` prints it: one line for each token, with untranslated ids and numbers.
 *
 * Five differences are intended. Control characters and bytes that are not UTF-8 are written as `\xHH`, because a
 * name must not be able to add lines or control the terminal. `_ex` headers have the same columns as the others,
 * where libbsm mixes in XML. All arguments are printed, where libbsm stops at 128. Times and data of 64 bits are
 * printed whole, where libbsm cuts them to 32. IPv6 addresses that begin with 96 zero bits end in hex too
 * (`::a400:1`).
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

/** One token alone, such as a bare file token between records. */
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

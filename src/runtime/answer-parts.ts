/*
 * Answers in parts. A SELECT of all rows of a large log would be one reply of gigabytes, in this program's extension and again in
 * the embedded core. Therefore core asks for one part at a time: its `generate` request has two more values, and the first row of
 * the answer has one entry, under a name that no column can have: the number of the row where the next part begins, or nothing after
 * the last part. An extension that does not know parts answers with all rows, without that first row. osqueryd never asks for parts.
 */

/** Bytes of rows after which a part ends; the current megabyte of rows is still completed. */
const BYTES = 'part_bytes';
/** The number of the first row, in decimal. */
const FROM = 'part_from';
const NEXT = '#next';

/** One part of an answer. */
export interface AnswerPart {
  readonly from: number;
  readonly bytes: number;
}

/** The values of a request besides `action` and `context`. */
export const partRequest = ({ from, bytes }: AnswerPart): Readonly<Record<string, string>> => ({
  [BYTES]: String(bytes),
  [FROM]: String(from),
});

/** Whether a request asks for a part. */
export const asksForPart = (request: Readonly<Record<string, unknown>>): boolean => BYTES in request;

/**
 * The requested part; undefined if all rows are requested.
 *
 * @param requested the bytes of a value of the request
 */
export const requestedPart = (
  requested: ((name: string) => Uint8Array | undefined) | undefined,
): AnswerPart | undefined => {
  const bytes = numberIn(requested?.(BYTES));
  if (bytes === undefined) return undefined;
  return { bytes, from: numberIn(requested?.(FROM)) ?? 0 };
};

const numberIn = (text: Uint8Array | undefined): number | undefined => {
  if (text === undefined || text.length === 0) return undefined;
  const value = Number(Buffer.from(text).toString('latin1'));
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
};

const T_STRING = 11;
const HEADER_BYTES = 6;
const LENGTH_BYTES = 4;
const BEFORE_VALUE = HEADER_BYTES + LENGTH_BYTES + NEXT.length + LENGTH_BYTES;
const BEGINNING = Buffer.concat([
  Buffer.from([T_STRING, T_STRING, 0, 0, 0, 1, 0, 0, 0, NEXT.length]),
  Buffer.from(NEXT),
]);

/** The first row of a part's answer, as a Thrift `map<string,string>`. */
export const nextRow = (next: number | undefined): Buffer => {
  const value = Buffer.from(next === undefined ? '' : String(next));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeInt32BE(value.length);
  return Buffer.concat([BEGINNING, length, value]);
};

/** Where the rows of a part and the next part begin; undefined if the rows are not a part. */
export const readNextRow = (
  rows: Uint8Array,
): { readonly end: number; readonly next: number | undefined } | undefined => {
  const bytes = Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength);
  if (bytes.length < BEFORE_VALUE || !bytes.subarray(0, BEGINNING.length).equals(BEGINNING)) return undefined;
  const end = BEFORE_VALUE + bytes.readInt32BE(BEFORE_VALUE - LENGTH_BYTES);
  if (end < BEFORE_VALUE || end > bytes.length) return undefined;
  return { end, next: numberIn(bytes.subarray(BEFORE_VALUE, end)) };
};

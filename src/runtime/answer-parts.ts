/*
 * Answers in parts. A SELECT of all rows of a large log would be one reply of gigabytes, in this program's extension and again in
 * the embedded core. So that core asks for a part at a time: its `generate` request has two more values, and the first row of the
 * answer has one entry, which no column can be called: the number of the row that the next part begins at, or nothing where
 * there is none. An extension that does not know of parts answers with all rows, and without that row. osqueryd never asks so.
 */

/** Bytes of rows after which a part ends, with the megabyte of rows that it is in. */
const BYTES = 'part_bytes';
/** The number of the row to begin at, in decimal. */
const FROM = 'part_from';
const NEXT = '#next';

/** One part of an answer. */
export interface AnswerPart {
  readonly from: number;
  readonly bytes: number;
}

/** What a request has besides `action` and `context`. */
export const partRequest = ({ from, bytes }: AnswerPart): Readonly<Record<string, string>> => ({
  [BYTES]: String(bytes),
  [FROM]: String(from),
});

/** Whether a request is one for a part. */
export const asksForPart = (request: Readonly<Record<string, unknown>>): boolean => BYTES in request;

/**
 * The part that is asked for; undefined where all rows are.
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

/** The first row of a part, as a Thrift `map<string,string>`. */
export const nextRow = (next: number | undefined): Buffer => {
  const value = Buffer.from(next === undefined ? '' : String(next));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeInt32BE(value.length);
  return Buffer.concat([BEGINNING, length, value]);
};

/** Where the rows of a part begin, and the next one; undefined if these are no rows of a part. */
export const readNextRow = (
  rows: Uint8Array,
): { readonly end: number; readonly next: number | undefined } | undefined => {
  const bytes = Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength);
  if (bytes.length < BEFORE_VALUE || !bytes.subarray(0, BEGINNING.length).equals(BEGINNING)) return undefined;
  const end = BEFORE_VALUE + bytes.readInt32BE(BEFORE_VALUE - LENGTH_BYTES);
  if (end < BEFORE_VALUE || end > bytes.length) return undefined;
  return { end, next: numberIn(bytes.subarray(BEFORE_VALUE, end)) };
};

import {
  entryOverheads,
  isPresent,
  isRowHeader,
  ROW_HEADER_BYTES,
  type RowPlace,
  writeRowHeader,
} from '../encoded-row.ts';
import { unpackRows } from '../packing.ts';
import type { PackedBatch, StoredBatch } from '../row-batch.ts';
import { MAX_PAYLOAD_BYTES } from './frame.ts';

/**
 * The payload of a frame of rows: f64 number of the first row | u32 rows | times f64 × rows | ends u32 × rows | masks
 * u32 × 2 × rows | the rows' bytes; all little-endian. With packed rows: u32 unpacked bytes | the same, with the
 * rows' bytes packed.
 */
const LENGTH_BYTES = 4;
const PREFIX_BYTES = 12;
const BYTES_PER_ROW = 8 + 4 + 8;

/** A batch without its rows. */
type RowIndex = Omit<StoredBatch, 'bytes'>;

/** The parts of a batch as they are written. */
export const encodeRowFrame = (batch: StoredBatch): Uint8Array[] => [...encodeIndex(batch), batch.bytes];

/** The parts of a packed batch as they are written. */
export const encodePackedFrame = (batch: PackedBatch): Uint8Array[] => {
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32LE(batch.length, 0);
  return [length, ...encodeIndex(batch), batch.packed];
};

const encodeIndex = ({ firstEid, ends, times, masks }: RowIndex): Uint8Array[] => {
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
  prefix.writeDoubleLE(firstEid, 0);
  prefix.writeUInt32LE(ends.length, 8);
  return [prefix, asBytes(times), asBytes(ends), asBytes(masks)];
};

const asBytes = (words: Float64Array | Uint32Array): Uint8Array =>
  new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

/**
 * Reads a frame's rows and checks each against its columns, so that no SELECT reads beyond its end.
 *
 * @param columnNames the columns that the rows were written with
 * @returns undefined if anything does not fit
 */
export const decodeRowFrame = (payload: Buffer, columnNames: readonly string[]): StoredBatch | undefined => {
  const index = decodeIndex(payload);
  return index && soundBatch(index, payload.subarray(bytesAt(index)), columnNames);
};

/** Unpacked bytes of the rows in a packed frame, as the frame says. */
export const unpackedLength = (payload: Buffer): number =>
  payload.length < LENGTH_BYTES ? 0 : payload.readUInt32LE(0);

/** Like `decodeRowFrame`, for a frame of packed rows. */
export const decodePackedFrame = (
  payload: Buffer,
  columnNames: readonly string[],
): StoredBatch | undefined => {
  const length = unpackedLength(payload);
  const rest = payload.subarray(LENGTH_BYTES);
  const index = decodeIndex(rest);
  if (index === undefined || length > MAX_PAYLOAD_BYTES) return undefined;
  let bytes: Buffer;
  try {
    bytes = unpackRows(rest.subarray(bytesAt(index)), length);
  } catch {
    return undefined;
  }
  return bytes.length === length ? soundBatch(index, bytes, columnNames) : undefined;
};

const decodeIndex = (payload: Buffer): RowIndex | undefined => {
  if (payload.length < PREFIX_BYTES) return undefined;
  const firstEid = payload.readDoubleLE(0);
  const rows = payload.readUInt32LE(8);
  if (!Number.isSafeInteger(firstEid) || firstEid < 1 || !Number.isSafeInteger(firstEid + rows))
    return undefined;
  if (rows === 0 || rows * BYTES_PER_ROW > payload.length - PREFIX_BYTES) return undefined;
  // Copied, because the payload is at any address, and words need alignment.
  const times = new Float64Array(rows);
  const ends = new Uint32Array(rows);
  const masks = new Uint32Array(2 * rows);
  let at = PREFIX_BYTES;
  for (const words of [times, ends, masks]) {
    asBytes(words).set(payload.subarray(at, at + words.byteLength));
    at += words.byteLength;
  }
  return { firstEid, times, ends, masks };
};

/** Where the rows begin, behind their index. */
const bytesAt = ({ ends }: RowIndex): number => PREFIX_BYTES + BYTES_PER_ROW * ends.length;

const soundBatch = (
  index: RowIndex,
  bytes: Buffer,
  columnNames: readonly string[],
): StoredBatch | undefined => {
  const batch = { ...index, bytes };
  return isSound(batch, columnNames) ? batch : undefined;
};

const isSound = (
  { times, ends, masks, bytes }: StoredBatch & { bytes: Buffer },
  names: readonly string[],
): boolean => {
  let start = 0;
  for (let i = 0; i < ends.length; i++) {
    const end = ends[i]!;
    if (!Number.isFinite(times[i]) || end < start || end > bytes.length) return false;
    const row = { bytes, start, low: masks[2 * i]!, high: masks[2 * i + 1]! };
    if (!isSoundRow(row, end, names)) return false;
    start = end;
  }
  return start === bytes.length;
};

const isSoundRow = (
  { bytes, start, low, high }: RowPlace,
  end: number,
  names: readonly string[],
): boolean => {
  let entries = 0;
  let at = start + ROW_HEADER_BYTES;
  for (let column = 0; column < 64; column++) {
    if (!isPresent(low, high, column)) continue;
    const name = names[column];
    if (name === undefined || at + 8 + name.length > end || bytes.readInt32BE(at) !== name.length)
      return false;
    if (bytes.toString('latin1', at + 4, at + 4 + name.length) !== name) return false;
    at += 8 + name.length;
    const length = bytes.readInt32BE(at - 4);
    if (length < 0 || length > end - at) return false;
    at += length;
    entries++;
  }
  return at === end && isRowHeader(bytes, start, entries);
};

/**
 * The same rows for a table whose columns have changed since: removed columns are left out, new ones are NULL.
 *
 * @param from the columns that the rows were written with
 */
export const moveColumns = (
  batch: StoredBatch,
  from: readonly string[],
  to: readonly string[],
): StoredBatch => {
  const overheads = entryOverheads(from);
  const source = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length);
  const places = to.map(name => from.indexOf(name));
  // Never longer than before, because entries are only removed.
  const bytes = Buffer.allocUnsafe(source.length);
  const ends = new Uint32Array(batch.ends.length);
  const masks = new Uint32Array(batch.masks.length);
  const spans = new Float64Array(2 * from.length);
  let written = 0;
  for (let i = 0; i < ends.length; i++) {
    const rowStart = i === 0 ? 0 : batch.ends[i - 1]!;
    spans.fill(0);
    let at = rowStart + ROW_HEADER_BYTES;
    for (let column = 0; at < batch.ends[i]!; column++) {
      if (!isPresent(batch.masks[2 * i]!, batch.masks[2 * i + 1]!, column)) continue;
      const value = at + overheads[column]!;
      const next = value + source.readInt32BE(value - 4);
      spans[2 * column] = at;
      spans[2 * column + 1] = next;
      at = next;
    }
    const header = written;
    written += ROW_HEADER_BYTES;
    let entries = 0;
    places.forEach((place, column) => {
      if (place < 0 || spans[2 * place + 1] === 0) return;
      written += source.copy(bytes, written, spans[2 * place], spans[2 * place + 1]);
      masks[2 * i + (column >>> 5)]! |= 1 << (column & 31);
      entries++;
    });
    writeRowHeader(bytes, header, entries);
    ends[i] = written;
  }
  return { firstEid: batch.firstEid, times: batch.times, ends, masks, bytes: bytes.subarray(0, written) };
};

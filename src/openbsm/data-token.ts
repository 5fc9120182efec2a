import { decodeText } from '../audit/value.ts';
import { TokenFormatError } from './byte-cursor.ts';
import type { TokenCodec } from './token-codec.ts';

/** Source: OpenBSM, bsm/audit_record.h (AUP_*, AUR_*). */
const PRINT_FORMS = ['binary', 'octal', 'decimal', 'hex', 'string'];
const UNITS = ['byte', 'short', 'int', 'int64'];

export interface DataValues {
  /** How to print: 0 binary, 1 octal, 2 decimal, 3 hex, 4 string. */
  readonly form: number;
  /** 0–3: units of 1, 2, 4, 8 bytes. */
  readonly unit: number;
  /**
   * Whole units. Writers copy them from memory, so they are in the byte order of the writing machine and not the
   * trail's.
   */
  readonly bytes: Uint8Array;
}

const unitBytes = (unit: number): number => {
  if (unit > 3) throw new TokenFormatError(`unit type ${unit}, expected 0 to 3`);
  return 2 ** unit;
};

/** u8 print form, u8 unit, u8 count, then count units. */
export const dataToken: TokenCodec<'data', DataValues> = {
  id: 0x21,
  kind: 'data',
  read: cursor => {
    const form = cursor.u8();
    const unit = cursor.u8();
    return { form, unit, bytes: cursor.take(cursor.u8() * unitBytes(unit)) };
  },
  write: (writer, { form, unit, bytes }) => {
    const count = bytes.length / unitBytes(unit);
    if (!Number.isInteger(count) || count > 0xff) {
      throw new RangeError(`${bytes.length} bytes of data: expected 0 to 255 whole units`);
    }
    writer.u8(form);
    writer.u8(unit);
    writer.u8(count);
    writer.bytes(bytes);
  },
  /** As praudit prints it on a little-endian machine; nothing after an unknown form. */
  print: ({ form, unit, bytes }) => {
    const name = PRINT_FORMS[form];
    if (name === undefined) return [''];
    const values = littleEndianUnits(bytes, unitBytes(unit));
    return [
      name,
      UNITS[unit]!,
      String(values.length),
      values.map(value => printUnit(value, name, unit)).join(''),
    ];
  },
};

const littleEndianUnits = (bytes: Uint8Array, size: number): readonly bigint[] => {
  const values: bigint[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i]!);
    values.push(value);
  }
  return values;
};

const printUnit = (value: bigint, form: string, unit: number): string => {
  const character = (): string => decodeText(Uint8Array.of(Number(value & 0xffn)));
  switch (form) {
    case 'binary':
      return ` ${character()}`;
    case 'octal':
      return ` ${value.toString(8)}`;
    case 'decimal':
      // As C's %d: bytes and shorts are widened first and stay positive.
      return ` ${unit < 2 ? value : BigInt.asIntN(8 * 2 ** unit, value)}`;
    case 'hex':
      return ` ${value.toString(16)}`;
    default:
      return character();
  }
};

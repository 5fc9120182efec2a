/** Thrift's type numbers in TBinaryProtocol (`Thrift.Type` of the `thrift` package, here as constants). */
export const T_STOP = 0;
export const T_BOOL = 2;
export const T_BYTE = 3;
export const T_DOUBLE = 4;
export const T_I16 = 6;
export const T_I32 = 8;
export const T_I64 = 10;
export const T_STRING = 11;
export const T_STRUCT = 12;
export const T_MAP = 13;
export const T_SET = 14;
export const T_LIST = 15;
export const T_UUID = 16;

/** Message types. */
export const M_CALL = 1;
export const M_REPLY = 2;
export const M_EXCEPTION = 3;
export const M_ONEWAY = 4;

/** First two bytes of every strict TBinaryProtocol message. */
export const VERSION_1 = 0x8001;

/** Size of a value if it does not depend on its content, else 0. */
export function fixedSize(type: number): number {
  switch (type) {
    case T_BOOL:
    case T_BYTE:
      return 1;
    case T_I16:
      return 2;
    case T_I32:
      return 4;
    case T_I64:
    case T_DOUBLE:
      return 8;
    case T_UUID:
      return 16;
    default:
      return 0;
  }
}

/** Least bytes of a value of the type; 0 for an unknown type. */
export function minimumSize(type: number): number {
  switch (type) {
    case T_STRING:
      return 4;
    case T_STRUCT:
      return 1;
    case T_MAP:
      return 6;
    case T_SET:
    case T_LIST:
      return 5;
    default:
      return fixedSize(type);
  }
}

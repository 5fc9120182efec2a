/**
 * The SQL functions that core adds to SQLite and that queries over event tables use, with core's names, arguments and
 * error texts (osquery 5.23 `sql/sqlite_string.cpp`, `sqlite_hashing.cpp`, `sqlite_encoding.cpp`,
 * `sqlite_network.cpp`).
 */
import { createHash } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';

/** Core's `regex_max_size`. */
const MAX_REGEX_BYTES = 256;

/** What SQLite passes to a function; integers beyond 53 bits are bigint. */
export type SqlValue = null | number | bigint | string | Uint8Array;

export interface SqlFunction {
  readonly name: string;
  readonly arity: number;
  /** Throws an Error whose message becomes the statement's error. */
  readonly call: (...values: readonly SqlValue[]) => SqlValue;
}

const text = (value: SqlValue): string =>
  value instanceof Uint8Array ? Buffer.from(value).toString() : String(value);

const isNull = (...values: readonly SqlValue[]): boolean => values.some(value => value === null);

const regex = (pattern: string, flags = ''): RegExp => {
  if (Buffer.byteLength(pattern) > MAX_REGEX_BYTES) {
    throw new Error(`Invalid regex: too big, max size is ${MAX_REGEX_BYTES} bytes`);
  }
  try {
    return new RegExp(pattern, flags);
  } catch {
    throw new Error('Invalid regex');
  }
};

const element = (parts: readonly string[], index: SqlValue): SqlValue => parts[Number(index)] ?? null;

/** Splits at any of the characters. As in core, parts are trimmed and empty ones dropped. */
const split = (input: SqlValue, tokens: SqlValue, index: SqlValue): SqlValue => {
  if (isNull(input, tokens, index)) return null;
  const separators = new Set(text(tokens));
  if (separators.size === 0) throw new Error('Invalid input to split function');
  const parts: string[] = [];
  let part = '';
  for (const character of text(input)) {
    if (separators.has(character)) {
      parts.push(part);
      part = '';
    } else {
      part += character;
    }
  }
  parts.push(part);
  return element(
    parts.map(value => value.trim()).filter(value => value !== ''),
    index,
  );
};

const regexSplit = (input: SqlValue, pattern: SqlValue, index: SqlValue): SqlValue => {
  if (isNull(input, pattern, index)) return null;
  if (text(pattern) === '') throw new Error('Invalid input to split function');
  const source = text(input);
  const parts: string[] = [];
  let start = 0;
  for (const match of source.matchAll(regex(text(pattern), 'g'))) {
    parts.push(source.slice(start, match.index));
    start = match.index + match[0].length;
  }
  parts.push(source.slice(start));
  return element(parts, index);
};

const regexMatch = (input: SqlValue, pattern: SqlValue, index: SqlValue): SqlValue => {
  if (isNull(input, pattern, index)) return null;
  const match = regex(text(pattern)).exec(text(input));
  if (match === null || Number(index) < 0 || Number(index) >= match.length) return null;
  return match[Number(index)] ?? '';
};

const hash =
  (algorithm: string) =>
  (value: SqlValue): SqlValue => {
    if (value === null) return null;
    const bytes = value instanceof Uint8Array ? value : Buffer.from(text(value));
    return createHash(algorithm).update(bytes).digest('hex');
  };

const ipv4Number = (address: string): number =>
  address.split('.').reduce((total, part) => total * 256 + Number(part), 0);

const ipv6Number = (address: string): bigint => {
  const plain = address.replace(/%.*$/, '');
  const [head = '', tail] = plain.split('::');
  const groups = (part: string): bigint[] =>
    part === ''
      ? []
      : part.split(':').flatMap(group => {
          if (!group.includes('.')) return [BigInt(`0x${group}`)];
          const dotted = BigInt(ipv4Number(group));
          return [dotted >> 16n, dotted & 0xffffn];
        });
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const middle = Array.from({ length: 8 - left.length - right.length }, () => 0n);
  return [...left, ...middle, ...right].reduce((total, group) => (total << 16n) | group, 0n);
};

/** Whether the address is one of the block's hosts. The network and broadcast addresses of IPv4 are none. */
const inCidrBlock = (block: SqlValue, address: SqlValue): SqlValue => {
  if (typeof block !== 'string') throw new Error('CIDR must be a string');
  if (typeof address !== 'string') throw new Error('IP address must be a string');
  const v4 = isIPv4(address);
  if (!v4 && !isIPv6(address)) throw new Error('IP address cannot be parsed');
  const bits = v4 ? 32 : 128;
  const [, base = '', prefixText = ''] = /^([^/]+)\/(\d{1,3})$/.exec(block) ?? [];
  const prefix = Number(prefixText);
  if (prefixText === '' || prefix > bits || !(v4 ? isIPv4(base) : isIPv6(base))) {
    throw new Error(`CIDR for IP address v${v4 ? 4 : 6} cannot be parsed`);
  }
  const value = v4 ? BigInt(ipv4Number(address)) : ipv6Number(address);
  const start = v4 ? BigInt(ipv4Number(base)) : ipv6Number(base);
  const hostMask = (1n << BigInt(bits - prefix)) - 1n;
  if (value >> BigInt(bits - prefix) !== start >> BigInt(bits - prefix)) return 0;
  const host = value & hostMask;
  return v4 && prefix < 31 && (host === 0n || host === hostMask) ? 0 : 1;
};

export const CORE_FUNCTIONS: readonly SqlFunction[] = [
  { name: 'split', arity: 3, call: (input, tokens, index) => split(input!, tokens!, index!) },
  { name: 'regex_split', arity: 3, call: (input, pattern, index) => regexSplit(input!, pattern!, index!) },
  { name: 'regex_match', arity: 3, call: (input, pattern, index) => regexMatch(input!, pattern!, index!) },
  {
    name: 'inet_aton',
    arity: 1,
    call: address => (address !== null && isIPv4(text(address!)) ? ipv4Number(text(address!)) : null),
  },
  { name: 'in_cidr_block', arity: 2, call: (block, address) => inCidrBlock(block!, address!) },
  { name: 'md5', arity: 1, call: value => hash('md5')(value!) },
  { name: 'sha1', arity: 1, call: value => hash('sha1')(value!) },
  { name: 'sha256', arity: 1, call: value => hash('sha256')(value!) },
  {
    name: 'to_base64',
    arity: 1,
    call: value => (value === null ? null : Buffer.from(text(value!)).toString('base64')),
  },
  {
    name: 'from_base64',
    arity: 1,
    call: value => (value === null ? null : Buffer.from(text(value!), 'base64').toString()),
  },
];

/** Compares versions part by part: numbers by value, everything else by its bytes. */
export const compareVersions = (left: string, right: string): number => {
  const parts = (version: string): string[] => version.match(/\d+|[^\d.:~^-]+/g) ?? [];
  const [a, b] = [parts(left), parts(right)];
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const [x, y] = [a[index]!, b[index]!];
    const numeric = /^\d/.test(x) && /^\d/.test(y);
    const difference = numeric ? Number(BigInt(x) - BigInt(y)) : x < y ? -1 : x > y ? 1 : 0;
    if (difference !== 0) return Math.sign(difference);
  }
  return Math.sign(a.length - b.length);
};

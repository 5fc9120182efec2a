import { BpfError } from './bpf-error.ts';

/**
 * Reads BTF, the kernel's description of its own types, which is in /sys/kernel/btf/vmlinux. Source:
 * Documentation/bpf/btf.rst.
 *
 * It has some hundred thousand types. Only where each begins is remembered, and only those with a wanted name are
 * looked at.
 */

const MAGIC = 0xeb9f;
const VERSION = 1;
const HEADER_BYTES = 24;
/** struct btf_type: name, info, and size or type. */
const TYPE_BYTES = 12;
/** struct btf_member: name, type, offset in bits. */
const MEMBER_BYTES = 12;
/** struct btf_enum: name, value. */
const ENUMERATOR_BYTES = 8;
/** struct btf_param: name, type. */
const PARAM_BYTES = 8;

/** BTF_KIND_… */
export const BTF_KIND = {
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FWD: 7,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const;

const { STRUCT, UNION, ENUM, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FUNC_PROTO, TYPE_TAG } = BTF_KIND;
const LAST_KIND = BTF_KIND.ENUM64;

/** Bytes behind the btf_type, by kind: of the whole type, … */
const FIXED_BYTES = [0, 4, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 4, 0, 0];
/** … and of each of its `vlen` parts. */
const PART_BYTES = [
  0,
  0,
  0,
  0,
  MEMBER_BYTES,
  MEMBER_BYTES,
  8,
  0,
  0,
  0,
  0,
  0,
  0,
  PARAM_BYTES,
  0,
  12,
  0,
  0,
  0,
  12,
];

/** Most modifiers and typedefs around a type, and most members inside each other. */
const MAX_DEPTH = 32;

/** The kinds of types that are found by name. */
export type NamedKind = 'struct' | 'enum' | 'typedef' | 'function';

const KIND_NUMBERS: Readonly<Record<NamedKind, number>> = {
  struct: STRUCT,
  enum: ENUM,
  typedef: TYPEDEF,
  function: FUNC,
};

interface Member {
  readonly offset: number;
  readonly type: number;
}

/** A BTF type's number, which programs name when they are attached. It differs from build to build. */
export type BtfId = number;

export class Btf {
  readonly #bytes: Buffer;
  /** Where each type begins, by its number. Number 0 is void. */
  readonly #starts: Uint32Array;
  readonly #typeCount: number;
  readonly #strings: { readonly start: number; readonly end: number };
  readonly #found = new Map<string, BtfId | undefined>();

  /**
   * @throws BpfError `btf` if the bytes are not BTF, or end too early
   */
  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { types, strings } = this.#sections();
    this.#strings = strings;
    this.#starts = new Uint32Array(Math.floor((types.end - types.start) / TYPE_BYTES) + 1);
    this.#typeCount = this.#walk(types.start, types.end);
  }

  /** The first type of that kind and name; undefined if there is none. */
  find(kind: NamedKind, name: string): BtfId | undefined {
    const key = `${kind} ${name}`;
    if (!this.#found.has(key)) this.#found.set(key, this.#search(KIND_NUMBERS[kind], name));
    return this.#found.get(key);
  }

  /**
   * Where a member of a structure is, in bytes: `struct sock`, `__sk_common.skc_family`. Members of anonymous structures and unions
   * count as the structure's own, as in C.
   *
   * @returns undefined if this kernel has no such structure or member
   * @throws BpfError `btf` if the member is a bit field
   */
  offset(struct: string, path: string): number | undefined {
    let type = this.find('struct', struct);
    let offset = 0;
    for (const name of path.split('.')) {
      const nameOffset = this.#stringOffset(name);
      const member =
        type === undefined || nameOffset === undefined ? undefined : this.#member(type, nameOffset, 0);
      if (member === undefined) return undefined;
      offset += member.offset;
      type = member.type;
    }
    if (!Number.isInteger(offset)) throw new BpfError('btf', `struct ${struct}: ${path} is a bit field`);
    return offset;
  }

  /** The value of an enumerator of 32 bits; undefined if this kernel has no such enumeration or enumerator. */
  enumerator(enumeration: string, name: string): number | undefined {
    const id = this.find('enum', enumeration);
    const wanted = this.#stringOffset(name);
    if (id === undefined || wanted === undefined) return undefined;
    const start = this.#start(id) + TYPE_BYTES;
    for (let i = 0; i < this.#partCount(id); i++) {
      const at = start + i * ENUMERATOR_BYTES;
      if (this.#bytes.readUInt32LE(at) === wanted) return this.#bytes.readInt32LE(at + 4);
    }
    return undefined;
  }

  /** How many parameters a function has; undefined if this kernel has no such function. */
  parameterCount(name: string): number | undefined {
    const id = this.find('function', name);
    if (id === undefined) return undefined;
    const proto = this.#target(id);
    if (this.#kind(proto) !== FUNC_PROTO) throw new BpfError('btf', `function ${name} has no prototype`);
    return this.#partCount(proto);
  }

  #sections() {
    const bytes = this.#bytes;
    if (bytes.length < HEADER_BYTES || bytes.readUInt16LE(0) !== MAGIC || bytes[2] !== VERSION) {
      throw new BpfError(
        'btf',
        'expected BTF of version 1 in little-endian order: the magic number is missing',
      );
    }
    const headerBytes = bytes.readUInt32LE(4);
    const section = (name: string, at: number) => {
      const start = headerBytes + bytes.readUInt32LE(at);
      const end = start + bytes.readUInt32LE(at + 4);
      if (headerBytes < HEADER_BYTES || end > bytes.length) {
        throw new BpfError(
          'btf',
          `BTF is cut off: its ${name} end at byte ${end}, and there are ${bytes.length}`,
        );
      }
      return { start, end };
    };
    return { types: section('types', 8), strings: section('strings', 16) };
  }

  /** Notes where each type begins. @returns the number of types, including void */
  #walk(start: number, end: number): number {
    const bytes = this.#bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let count = 1;
    let at = start;
    while (at < end) {
      if (at + TYPE_BYTES > end) throw new BpfError('btf', `BTF type ${count} is cut off`);
      this.#starts[count] = at;
      const info = view.getUint32(at + 4, true);
      const kind = (info >>> 24) & 0x1f;
      if (kind === 0 || kind > LAST_KIND)
        throw new BpfError('btf', `BTF type ${count} has the unknown kind ${kind}`);
      at += TYPE_BYTES + FIXED_BYTES[kind]! + (info & 0xffff) * PART_BYTES[kind]!;
      count++;
    }
    if (at > end) throw new BpfError('btf', `BTF type ${count - 1} is cut off`);
    return count;
  }

  #search(kind: number, name: string): BtfId | undefined {
    const wanted = this.#stringOffset(name);
    if (wanted === undefined) return undefined;
    const bytes = this.#bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let id = 1; id < this.#typeCount; id++) {
      const at = this.#starts[id]!;
      if (view.getUint32(at, true) === wanted && ((view.getUint32(at + 4, true) >>> 24) & 0x1f) === kind)
        return id;
    }
    return undefined;
  }

  /** Each string is there once, with a NUL before and behind it. */
  #stringOffset(name: string): number | undefined {
    const { start, end } = this.#strings;
    const found = this.#bytes.indexOf(`\0${name}\0`, start, 'latin1');
    return found < 0 || found + name.length + 2 > end ? undefined : found + 1 - start;
  }

  #member(id: number, name: number, depth: number): Member | undefined {
    if (depth > MAX_DEPTH) throw new BpfError('btf', `BTF type ${id} contains itself`);
    const struct = this.#withoutModifiers(id);
    const kind = this.#kind(struct);
    if (kind !== STRUCT && kind !== UNION) return undefined;
    const start = this.#start(struct);
    // With the flag, the upper byte of an offset is the number of bits of a bit field.
    const hasBitFields = this.#info(struct) >>> 31 === 1;
    for (let i = 0; i < this.#partCount(struct); i++) {
      const at = start + TYPE_BYTES + i * MEMBER_BYTES;
      const memberName = this.#bytes.readUInt32LE(at);
      const type = this.#bytes.readUInt32LE(at + 4);
      const word = this.#bytes.readUInt32LE(at + 8);
      const isBitField = hasBitFields && word >>> 24 !== 0;
      const offset = (hasBitFields ? word & 0xff_ffff : word) / 8;
      if (memberName === name) return { offset: isBitField ? Number.NaN : offset, type };
      if (memberName !== 0) continue;
      const inner = this.#member(type, name, depth + 1);
      if (inner !== undefined) return { ...inner, offset: inner.offset + offset };
    }
    return undefined;
  }

  #withoutModifiers(id: number): number {
    let type = id;
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      const kind = this.#kind(type);
      const isModifier =
        kind === TYPEDEF || kind === VOLATILE || kind === CONST || kind === RESTRICT || kind === TYPE_TAG;
      if (!isModifier) return type;
      type = this.#target(type);
    }
    throw new BpfError('btf', `BTF type ${id} refers to itself`);
  }

  /** void has no entry, and none of what is asked for. */
  #kind(id: number): number {
    return id === 0 ? 0 : (this.#info(id) >>> 24) & 0x1f;
  }

  #partCount(id: number): number {
    return this.#info(id) & 0xffff;
  }

  #info(id: number): number {
    return this.#bytes.readUInt32LE(this.#start(id) + 4);
  }

  /** The type that a pointer, typedef, modifier or function refers to. */
  #target(id: number): number {
    return this.#bytes.readUInt32LE(this.#start(id) + 8);
  }

  #start(id: number): number {
    if (id <= 0 || id >= this.#typeCount) {
      throw new BpfError('btf', `BTF refers to type ${id}, and there are ${this.#typeCount - 1}`);
    }
    return this.#starts[id]!;
  }
}

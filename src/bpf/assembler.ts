import { BpfError } from './bpf-error.ts';

/**
 * Emits eBPF instructions, as far as our programs need them. Source: Documentation/bpf/standardization/instruction-set.rst.
 */

/** A register: R0 has results, R1 to R5 arguments, R6 to R9 survive calls, FP is the end of the stack. */
export const R0 = 0;
export const R1 = 1;
export const R2 = 2;
export const R3 = 3;
export const R4 = 4;
export const R5 = 5;
export const R6 = 6;
export const R7 = 7;
export const R8 = 8;
export const R9 = 9;
export const FP = 10;

export type Register = number;

/** Sizes of a load or a store, by their bytes. */
const SIZE_CODES = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 } as const;
export type Size = keyof typeof SIZE_CODES;

/** Conditions of jumps: (un)signed comparisons of 64 bits. */
const CONDITIONS = {
  equal: 0x10,
  above: 0x20,
  'at least': 0x30,
  'not equal': 0x50,
  'at most': 0xb0,
  'signed above': 0x60,
  below: 0xa0,
  'signed below': 0xc0,
} as const;
export type Condition = keyof typeof CONDITIONS;

const INSTRUCTION_BYTES = 8;

// Opcodes: the class in the lowest three bits, the source of the second operand in the fourth.
const LDX = 0x61;
const STX = 0x63;
const ST = 0x62;
const LOAD_64 = 0x18;
const ADD_K = 0x07;
const ADD_X = 0x0f;
const SUB_X = 0x1f;
const LSH_K = 0x67;
const RSH_K = 0x77;
const ARSH_K = 0xc7;
const MOV_K = 0xb7;
const MOV_X = 0xbf;
const TO_BIG_ENDIAN = 0xdc;
const JUMP_K = 0x05;
const JUMP_X = 0x0d;
const CALL = 0x85;
const EXIT = 0x95;
/** BPF_STX | BPF_ATOMIC | BPF_DW, with BPF_ADD as the immediate: the same as BPF_XADD of older kernels. */
const ATOMIC_64 = 0xdb;

/** The immediate of a 64-bit load is a map's descriptor, or the address of a value in it. */
const PSEUDO_MAP_FD = 1;
const PSEUDO_MAP_VALUE = 2;

interface Instruction {
  readonly code: number;
  readonly destination: Register;
  readonly source: Register;
  offset: number;
  readonly immediate: number;
}

/** One program under construction. Each method adds an instruction and returns the assembler. */
export class Assembler {
  readonly #instructions: Instruction[] = [];
  readonly #labels = new Map<string, number>();
  readonly #jumps: { readonly at: number; readonly label: string }[] = [];

  move(destination: Register, source: Register): this {
    return this.#add(MOV_X, { destination, source });
  }

  set(destination: Register, immediate: number): this {
    return this.#add(MOV_K, { destination, immediate });
  }

  addNumber(destination: Register, immediate: number): this {
    return this.#add(ADD_K, { destination, immediate });
  }

  add(destination: Register, source: Register): this {
    return this.#add(ADD_X, { destination, source });
  }

  subtract(destination: Register, source: Register): this {
    return this.#add(SUB_X, { destination, source });
  }

  shiftLeft(destination: Register, immediate: number): this {
    return this.#add(LSH_K, { destination, immediate });
  }

  shiftRight(destination: Register, immediate: number): this {
    return this.#add(RSH_K, { destination, immediate });
  }

  /** Extends the sign of the lower 32 bits. */
  signExtend(destination: Register): this {
    return this.shiftLeft(destination, 32).#add(ARSH_K, { destination, immediate: 32 });
  }

  /** Swaps the bytes of a 16-bit number in network order. */
  fromNetworkOrder(destination: Register): this {
    return this.#add(TO_BIG_ENDIAN, { destination, immediate: 16 });
  }

  /** destination = *(base + offset) */
  load(size: Size, destination: Register, base: Register, offset: number): this {
    return this.#add(LDX | SIZE_CODES[size], { destination, source: base, offset });
  }

  /** *(base + offset) = source */
  store(size: Size, base: Register, offset: number, source: Register): this {
    return this.#add(STX | SIZE_CODES[size], { destination: base, source, offset });
  }

  /** *(base + offset) = immediate */
  storeNumber(size: Size, base: Register, offset: number, immediate: number): this {
    return this.#add(ST | SIZE_CODES[size], { destination: base, offset, immediate });
  }

  /** *(base + offset) += source, in 64 bits and at once on all processors */
  addAtomically(base: Register, offset: number, source: Register): this {
    return this.#add(ATOMIC_64, { destination: base, source, offset });
  }

  /** @param helper the number of a function of the kernel, see HELPERS */
  call(helper: number): this {
    return this.#add(CALL, { immediate: helper });
  }

  loadMap(destination: Register, fd: number): this {
    return this.#add(LOAD_64, { destination, source: PSEUDO_MAP_FD, immediate: fd }).#add(0, {});
  }

  /** The address of the only value of an array. */
  loadMapValue(destination: Register, fd: number): this {
    return this.#add(LOAD_64, { destination, source: PSEUDO_MAP_VALUE, immediate: fd }).#add(0, {});
  }

  label(name: string): this {
    if (this.#labels.has(name)) throw new BpfError('assembler', `label ${name} stands twice`);
    this.#labels.set(name, this.#instructions.length);
    return this;
  }

  jump(label: string): this {
    return this.#jump(JUMP_K, { label });
  }

  jumpIf(left: Register, condition: Condition, right: number, label: string): this {
    return this.#jump(JUMP_K | CONDITIONS[condition], { destination: left, immediate: right, label });
  }

  jumpIfRegister(left: Register, condition: Condition, right: Register, label: string): this {
    return this.#jump(JUMP_X | CONDITIONS[condition], { destination: left, source: right, label });
  }

  exit(): this {
    return this.#add(EXIT, {});
  }

  /** How many instructions there are. */
  get length(): number {
    return this.#instructions.length;
  }

  /**
   * The program, as the kernel takes it.
   *
   * @throws BpfError `assembler` if a jump has no target
   */
  bytes(): Buffer {
    for (const { at, label } of this.#jumps) {
      const target = this.#labels.get(label);
      if (target === undefined) throw new BpfError('assembler', `a jump goes to ${label}, which is nowhere`);
      this.#instructions[at]!.offset = target - at - 1;
    }
    const bytes = Buffer.alloc(this.#instructions.length * INSTRUCTION_BYTES);
    this.#instructions.forEach(({ code, destination, source, offset, immediate }, i) => {
      const at = i * INSTRUCTION_BYTES;
      bytes[at] = code;
      bytes[at + 1] = destination | (source << 4);
      bytes.writeInt16LE(offset, at + 2);
      bytes.writeInt32LE(immediate | 0, at + 4);
    });
    return bytes;
  }

  #jump(
    code: number,
    { label, ...operands }: { readonly label: string } & Partial<Omit<Instruction, 'code'>>,
  ): this {
    this.#jumps.push({ at: this.#instructions.length, label });
    return this.#add(code, operands);
  }

  #add(code: number, operands: Partial<Omit<Instruction, 'code'>>): this {
    this.#instructions.push({ destination: 0, source: 0, offset: 0, immediate: 0, ...operands, code });
    return this;
  }
}

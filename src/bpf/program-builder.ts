import { Assembler, FP, R0, R1, R2, R3, R4, R7, R8, type Register, type Size } from './assembler.ts';
import { BpfError } from './bpf-error.ts';
import type { Btf } from './btf.ts';
import { BPF_RB_NO_WAKEUP, HELPERS } from './helpers.ts';
import { kernelOffsets } from './kernel-offsets.ts';
import { COMM_BYTES, TASK } from './task-record.ts';

/** The descriptors of a program's maps. */
export interface ProgramMaps {
  /** The ring buffer that the records go to. */
  readonly ring: number;
  /** An array with one number: the records that were lost. */
  readonly losses: number;
  /** A hash table of the program's own, if it asks for one. */
  readonly table?: number | undefined;
}

/** Places on a program's stack, which has 512 bytes. A record under construction comes first. */
export const STACK = {
  key: -8,
  scratch: -16,
  /** A part of struct audit_context. */
  context: -128,
  /** The first part of struct sock. */
  sock: -240,
  /** Where a record may end: 256 bytes are left. */
  record: -240,
} as const;

const MAX_CONTEXT_BYTES = STACK.scratch - STACK.context;

/** Steps that more than one program takes. Registers R6 to R9 keep their values unless a step says otherwise. */
export class ProgramBuilder {
  readonly assembler = new Assembler();
  readonly #btf: Btf;
  readonly #maps: ProgramMaps;
  #labels = 0;

  constructor(btf: Btf, maps: ProgramMaps) {
    this.#btf = btf;
    this.#maps = maps;
  }

  /** A label that no other step has. */
  uniqueLabel(name: string): string {
    return `${name} ${this.#labels++}`;
  }

  /** Copies kernel memory: *(to + toOffset) = *(from + fromOffset). Bytes that cannot be read become zeros. */
  copy(
    bytes: number,
    { to, toOffset }: { readonly to: Register; readonly toOffset: number },
    { from, fromOffset }: { readonly from: Register; readonly fromOffset: number },
  ): this {
    this.assembler
      .move(R1, to)
      .addNumber(R1, toOffset)
      .set(R2, bytes)
      .move(R3, from)
      .addNumber(R3, fromOffset)
      .call(HELPERS.probe_read_kernel);
    return this;
  }

  /** into = *(from + offset), through the stack. */
  follow(into: Register, from: Register, offset: number, size: Size = 8): this {
    this.copy(size, { to: FP, toOffset: STACK.scratch }, { from, fromOffset: offset });
    this.assembler.load(size, into, FP, STACK.scratch);
    return this;
  }

  /** Fills a place with zeros; both numbers are multiples of 8. */
  clear(base: Register, offset: number, bytes: number): this {
    for (let at = 0; at < bytes; at += 8) this.assembler.storeNumber(8, base, offset + at, 0);
    return this;
  }

  /**
   * Writes the first part of a record, see TASK: what identifies the task and, if audit sees it, its call; if not, who
   * it is, because no audit event will say it. The record was cleared before. Uses R7 and R8.
   *
   * @param base what the record is found by, with `offset`; not R7 or R8
   */
  writeTask(kind: number, base: Register, offset = 0): this {
    const { assembler } = this;
    const at = (place: number): number => offset + place;
    assembler.storeNumber(4, base, at(TASK.kind), kind);
    assembler.call(HELPERS.ktime_get_boot_ns).store(8, base, at(TASK.bootNs), R0);
    assembler.call(HELPERS.get_current_pid_tgid).store(4, base, at(TASK.tid), R0);
    assembler.shiftRight(R0, 32).store(4, base, at(TASK.tgid), R0);
    const task = kernelOffsets(this.#btf, {
      start: ['task_struct', 'start_boottime'],
      context: ['task_struct', 'audit_context'],
    });
    assembler.call(HELPERS.get_current_task).move(R7, R0);
    const done = this.uniqueLabel('task written');
    const isUnseen = this.uniqueLabel('no audit context');
    this.follow(R8, R7, task.context).assembler.jumpIf(R8, 'equal', 0, isUnseen);
    this.#writeCall(base, offset).assembler.jump(done).label(isUnseen);
    assembler.call(HELPERS.get_current_uid_gid).store(4, base, at(TASK.uid), R0);
    assembler.shiftRight(R0, 32).store(4, base, at(TASK.gid), R0);
    assembler.call(HELPERS.get_current_cgroup_id).store(8, base, at(TASK.cgroup), R0);
    assembler.move(R1, base).addNumber(R1, at(TASK.comm)).set(R2, COMM_BYTES).call(HELPERS.get_current_comm);
    this.copy(8, { to: base, toOffset: at(TASK.startNs) }, { from: R7, fromOffset: task.start });
    assembler.label(done);
    return this;
  }

  /** Writes which audit event the call will become. The task's audit context is in R8. */
  #writeCall(base: Register, offset: number): this {
    const { assembler } = this;
    // A system call, or an operation of io_uring: then both names of the first are not zero.
    const places = kernelOffsets(this.#btf, {
      inCall: ['audit_context', 'context', 'in_syscall'],
      seconds: ['audit_context', 'stamp.ctime.tv_sec', 'ctime.tv_sec'],
      nanoseconds: ['audit_context', 'stamp.ctime.tv_nsec', 'ctime.tv_nsec'],
      major: ['audit_context', 'major'],
      argv: ['audit_context', 'argv'],
    });
    // On an 8-byte boundary, as the verifier wants all on the stack.
    const first = Math.min(...Object.values(places)) & ~7;
    const bytes = Math.max(...Object.values(places)) + 8 - first;
    if (bytes > MAX_CONTEXT_BYTES) {
      throw new BpfError('btf', `struct audit_context is larger than expected: ${bytes} bytes`);
    }
    const take = (size: Size, from: number, to: number): void => {
      assembler.load(size, R1, FP, STACK.context + from - first).store(size, base, offset + to, R1);
    };
    assembler.storeNumber(4, base, offset + TASK.hasContext, 1);
    this.copy(bytes, { to: FP, toOffset: STACK.context }, { from: R8, fromOffset: first });
    take(4, places.inCall, TASK.inCall);
    take(8, places.seconds, TASK.seconds);
    take(4, places.nanoseconds, TASK.nanoseconds);
    take(4, places.major, TASK.call);
    take(8, places.argv, TASK.argument);
    return this;
  }

  /** Notes in the first part of a record that it is passed on now, which may be later than the task's call. */
  writePassedOn(base: Register, offset = 0): this {
    this.assembler
      .call(HELPERS.ktime_get_ns)
      .shiftRight(R0, 20)
      .store(4, base, offset + TASK.passedOn, R0);
    return this;
  }

  /** Passes a record on, or counts it as lost if the ring is full. */
  output(bytes: number, base: Register, offset = 0): this {
    const sent = this.uniqueLabel('sent');
    this.assembler
      .loadMap(R1, this.#maps.ring)
      .move(R2, base)
      .addNumber(R2, offset)
      .set(R3, bytes)
      .set(R4, BPF_RB_NO_WAKEUP)
      .call(HELPERS.ringbuf_output)
      .jumpIf(R0, 'equal', 0, sent);
    this.countLoss().assembler.label(sent);
    return this;
  }

  /** Room for a record that is too long for the stack, in R0; 0 if the ring is full. To be passed on by `submit`. */
  reserve(bytes: number): this {
    this.assembler.loadMap(R1, this.#maps.ring).set(R2, bytes).set(R3, 0).call(HELPERS.ringbuf_reserve);
    return this;
  }

  /** Passes on a record that was built in the room that `reserve` gave. */
  submit(base: Register): this {
    this.assembler.move(R1, base).set(R2, BPF_RB_NO_WAKEUP).call(HELPERS.ringbuf_submit);
    return this;
  }

  /** Counts a record as lost. */
  countLoss(): this {
    this.assembler.loadMapValue(R1, this.#maps.losses).set(R2, 1).addAtomically(R1, 0, R2);
    return this;
  }

  /** The table's value of the key at STACK.key in R0, or 0. */
  lookUp(): this {
    this.#withKey().call(HELPERS.map_lookup_elem);
    return this;
  }

  remove(): this {
    this.#withKey().call(HELPERS.map_delete_elem);
    return this;
  }

  /** Keeps a value under the key at STACK.key, or counts it as lost if the table is full. */
  keep(base: Register, offset: number): this {
    const kept = this.uniqueLabel('kept');
    this.#withKey()
      .move(R3, base)
      .addNumber(R3, offset)
      .set(R4, 0)
      .call(HELPERS.map_update_elem)
      .jumpIf(R0, 'equal', 0, kept);
    this.countLoss().assembler.label(kept);
    return this;
  }

  #withKey(): Assembler {
    const { table } = this.#maps;
    if (table === undefined) throw new BpfError('assembler', 'the program has no table');
    return this.assembler.loadMap(R1, table).move(R2, FP).addNumber(R2, STACK.key);
  }

  /** Ends the program: all jumps to `out` end here. */
  bytes(): Buffer {
    return this.assembler.label('out').set(R0, 0).exit().bytes();
  }
}

import { FP, R0, R1, R2, R3, R6, R7, R8, R9, type Register, type Size } from './assembler.ts';
import { BpfError } from './bpf-error.ts';
import type { Btf } from './btf.ts';
import { HELPERS } from './helpers.ts';
import { kernelOffsets, type MemberName } from './kernel-offsets.ts';
import {
  CGROUP,
  COMMON,
  EXEC,
  EXIT,
  FORK,
  MAX_CGROUP_DEPTH,
  NAME_BYTES,
  RECORD_KIND,
} from './process-records.ts';
import { ProgramBuilder, type ProgramMaps, STACK } from './program-builder.ts';
import type { ProgramSet, ProgramVariant } from './program-set.ts';

/**
 * Programs that follow processes: at sched_process_fork, sched_process_exec and sched_process_exit, where the kernel comes once for
 * each of them. No other call of any process becomes slower.
 */

const MEMBERS = {
  tgid: ['task_struct', 'tgid'],
  pid: ['task_struct', 'pid'],
  realParent: ['task_struct', 'real_parent'],
  auditContext: ['task_struct', 'audit_context'],
  stampSeconds: ['audit_context', 'stamp.ctime.tv_sec', 'ctime.tv_sec'],
  stampNanoseconds: ['audit_context', 'stamp.ctime.tv_nsec', 'ctime.tv_nsec'],
  mm: ['task_struct', 'mm'],
  exeFile: ['mm_struct', 'exe_file'],
  fileInode: ['file', 'f_inode'],
  inodeNumber: ['inode', 'i_ino'],
  inodeSuper: ['inode', 'i_sb'],
  superDevice: ['super_block', 's_dev'],
  nsproxy: ['task_struct', 'nsproxy'],
  mountNamespace: ['nsproxy', 'mnt_ns'],
  mountNumber: ['mnt_namespace', 'ns.inum'],
  netNamespace: ['nsproxy', 'net_ns'],
  netNumber: ['net', 'ns.inum'],
  cred: ['task_struct', 'cred'],
  userNamespace: ['cred', 'user_ns'],
  userNumber: ['user_namespace', 'ns.inum'],
  threadPid: ['task_struct', 'thread_pid'],
  pidLevel: ['pid', 'level'],
  pidNumbers: ['pid', 'numbers'],
  upidNumber: ['upid', 'nr'],
  upidNamespace: ['upid', 'ns'],
  pidNamespaceNumber: ['pid_namespace', 'ns.inum'],
  cgroups: ['task_struct', 'cgroups'],
  defaultCgroup: ['css_set', 'dfl_cgrp'],
  subsystems: ['css_set', 'subsys'],
  subsystemCgroup: ['cgroup_subsys_state', 'cgroup'],
  kernfsNode: ['cgroup', 'kn'],
  kernfsId: ['kernfs_node', 'id'],
  kernfsName: ['kernfs_node', 'name'],
  // Since Linux 6.15 with underscores.
  kernfsParent: ['kernfs_node', 'parent', '__parent'],
} as const satisfies Record<string, MemberName>;

type Places = Readonly<Record<keyof typeof MEMBERS, number>>;

/** sizeof(struct upid) is 16: a number and a pointer. */
const UPID_SHIFT = 4;
const POINTER_BYTES = 8;
/** Where the key of a cgroup is, and the value that it is kept with, which says nothing. */
const { key: KEY, record: RECORD } = STACK;
/** Where records are built that are short enough. */
const AT = RECORD - EXEC.bytes;

/** A program under construction. It reads the kernel directly where the verifier knows the types on the way, else by a helper. */
class ProcessProgram {
  readonly builder: ProgramBuilder;
  readonly places: Places;
  readonly #isDirect: boolean;

  constructor(btf: Btf, maps: ProgramMaps, isDirect: boolean) {
    this.builder = new ProgramBuilder(btf, maps);
    this.places = kernelOffsets(btf, MEMBERS);
    this.#isDirect = isDirect;
  }

  /** into = *(from + offset) */
  follow(into: Register, from: Register, offset: number, size: Size = 8): this {
    if (this.#isDirect) this.builder.assembler.load(size, into, from, offset);
    else this.builder.follow(into, from, offset, size);
    return this;
  }

  /** Copies a member to its place in the record. */
  put(size: Size, to: number, from: Register, offset: number): this {
    if (this.#isDirect) this.builder.assembler.load(size, R1, from, offset).store(size, FP, AT + to, R1);
    else this.builder.copy(size, { to: FP, toOffset: AT + to }, { from, fromOffset: offset });
    return this;
  }

  /** Begins the record of the task in R6; ends the program for another thread than the first of its process. */
  begin(kind: number, bytes: number): this {
    this.follow(R7, R6, this.places.tgid, 4).follow(R8, R6, this.places.pid, 4);
    this.builder.assembler.jumpIfRegister(R7, 'not equal', R8, 'out');
    this.builder.clear(FP, AT, bytes);
    this.builder.assembler
      .storeNumber(4, FP, AT + COMMON.kind, kind)
      .store(4, FP, AT + COMMON.pid, R7)
      .call(HELPERS.ktime_get_ns)
      .store(8, FP, AT + COMMON.time, R0);
    return this;
  }

  end(bytes: number): Buffer {
    return this.builder.output(bytes, FP, AT).bytes();
  }
}

type Assemble = (btf: Btf, maps: ProgramMaps, isDirect: boolean) => Buffer;

/** sched_process_fork(parent, child). Threads are left out. */
const forkProgram: Assemble = (btf, maps, isDirect) => {
  const program = new ProcessProgram(btf, maps, isDirect);
  program.builder.assembler.load(8, R6, R1, POINTER_BYTES);
  program.begin(RECORD_KIND.fork, FORK.bytes).follow(R7, R6, program.places.realParent);
  return program.put(4, FORK.parent, R7, program.places.tgid).end(FORK.bytes);
};

/** sched_process_exit(task). The ends of other threads than the first are left out. */
const exitProgram: Assemble = (btf, maps, isDirect) => {
  const program = new ProcessProgram(btf, maps, isDirect);
  program.builder.assembler.load(8, R6, R1, 0);
  return program.begin(RECORD_KIND.exit, EXIT.bytes).end(EXIT.bytes);
};

/**
 * sched_process_exec(task, old pid, binary): the kernel comes here when the new program is in place. The map `table` has the cgroups
 * whose paths were reported.
 *
 * @param controller number of a controller of cgroups version 1 that is mounted; undefined for none
 */
const execProgram =
  (controllerOf: (btf: Btf) => number | undefined): Assemble =>
  (btf, maps, isDirect) => {
    const program = new ProcessProgram(btf, maps, isDirect);
    const controller = controllerOf(btf);
    program.builder.assembler.load(8, R6, R1, 0);
    program.begin(RECORD_KIND.exec, EXEC.bytes);
    writeCgroup(program, undefined);
    if (controller !== undefined) writeCgroup(program, controller);
    writeFile(program);
    writeNamespaces(program);
    writeAudit(program);
    return program.end(EXEC.bytes);
  };

/** Writes the id of the cgroup of the task in R6, and passes its path on, unless that was done before. */
const writeCgroup = (program: ProcessProgram, controller: number | undefined): void => {
  const { builder, places } = program;
  program.follow(R7, R6, places.cgroups);
  if (controller === undefined) program.follow(R7, R7, places.defaultCgroup);
  else {
    program
      .follow(R7, R7, places.subsystems + POINTER_BYTES * controller)
      .follow(R7, R7, places.subsystemCgroup);
  }
  program.follow(R7, R7, places.kernfsNode).follow(R8, R7, places.kernfsId);
  if (controller !== undefined) builder.assembler.set(R1, 1).shiftLeft(R1, 63).add(R8, R1);
  builder.assembler
    .store(8, FP, AT + (controller === undefined ? EXEC.cgroup : EXEC.cgroupV1), R8)
    .store(8, FP, KEY, R8);
  reportNewCgroup(builder, places);
};

/** Passes on the path of the cgroup whose directory is in R7 and whose id is in R8, unless it is in the table. */
const reportNewCgroup = (builder: ProgramBuilder, places: Places): void => {
  const known = builder.uniqueLabel('known cgroup');
  const full = builder.uniqueLabel('no room');
  const { assembler } = builder;
  builder.lookUp();
  assembler.jumpIf(R0, 'not equal', 0, known);
  builder.reserve(CGROUP.bytes);
  assembler.jumpIf(R0, 'equal', 0, full).move(R9, R0);
  assembler.storeNumber(4, R9, COMMON.kind, RECORD_KIND.cgroup).store(8, R9, CGROUP.id, R8);
  writeNames(builder, places);
  builder.submit(R9).keep(FP, KEY);
  assembler.jump(known).label(full);
  builder.countLoss();
  assembler.label(known);
};

/** Writes the names of the directory in R7, and of those above it, into the record in R9. */
const writeNames = (builder: ProgramBuilder, places: Places): void => {
  const done = builder.uniqueLabel('all names');
  const { assembler } = builder;
  assembler.storeNumber(4, R9, CGROUP.depth, 0);
  for (let depth = 0; depth < MAX_CGROUP_DEPTH; depth++) {
    builder.follow(R8, R7, places.kernfsName);
    assembler
      .move(R1, R9)
      .addNumber(R1, CGROUP.names + depth * NAME_BYTES)
      .set(R2, NAME_BYTES)
      .move(R3, R8)
      .call(HELPERS.probe_read_kernel_str);
    builder.follow(R7, R7, places.kernfsParent);
    const next = builder.uniqueLabel('next name');
    assembler.jumpIf(R7, 'not equal', 0, next);
    assembler
      .storeNumber(4, R9, CGROUP.depth, depth + 1)
      .jump(done)
      .label(next);
  }
  assembler.label(done);
};

const writeFile = (program: ProcessProgram): void => {
  const { places } = program;
  program.follow(R7, R6, places.mm).follow(R7, R7, places.exeFile).follow(R7, R7, places.fileInode);
  program.put(8, EXEC.inode, R7, places.inodeNumber).follow(R7, R7, places.inodeSuper);
  program.put(4, EXEC.device, R7, places.superDevice);
};

const writeNamespaces = (program: ProcessProgram): void => {
  const { builder, places } = program;
  program.follow(R7, R6, places.nsproxy).follow(R8, R7, places.mountNamespace);
  program.put(4, EXEC.mountNamespace, R8, places.mountNumber).follow(R8, R7, places.netNamespace);
  program.put(4, EXEC.netNamespace, R8, places.netNumber);
  program.follow(R7, R6, places.cred).follow(R7, R7, places.userNamespace);
  program.put(4, EXEC.userNamespace, R7, places.userNumber);
  // The pid in the innermost namespace is the last of its numbers. The verifier does not let a typed pointer move so far.
  builder.follow(R7, R6, places.threadPid).follow(R8, R7, places.pidLevel, 4);
  builder.assembler.shiftLeft(R8, UPID_SHIFT).add(R7, R8).addNumber(R7, places.pidNumbers);
  builder.copy(4, { to: FP, toOffset: AT + EXEC.namespacePid }, { from: R7, fromOffset: places.upidNumber });
  builder.follow(R7, R7, places.upidNamespace);
  builder.copy(
    4,
    { to: FP, toOffset: AT + EXEC.pidNamespace },
    { from: R7, fromOffset: places.pidNamespaceNumber },
  );
};

/** Writes when audit's event of the call began; by that and the pid the two are matched. */
const writeAudit = (program: ProcessProgram): void => {
  const { builder, places } = program;
  program.follow(R7, R6, places.realParent).put(4, EXEC.parent, R7, places.tgid);
  const unaudited = builder.uniqueLabel('no audit context');
  program.follow(R7, R6, places.auditContext);
  builder.assembler.jumpIf(R7, 'equal', 0, unaudited).storeNumber(4, FP, AT + EXEC.isAudited, 1);
  // The structure is private to audit, so the verifier may not know it.
  builder.copy(8, { to: FP, toOffset: AT + EXEC.seconds }, { from: R7, fromOffset: places.stampSeconds });
  builder.copy(
    4,
    { to: FP, toOffset: AT + EXEC.nanoseconds },
    { from: R7, fromOffset: places.stampNanoseconds },
  );
  builder.assembler.label(unaudited);
};

/** How many cgroups are remembered as reported: more than a host has. */
const CGROUPS = 8_192;
const RING_BYTES = 2 * 1024 * 1024;

/** @param controller name of a controller of cgroups version 1 that is mounted; undefined for none */
export const processPrograms = (controller: string | undefined): ProgramSet => {
  const variant = (name: string, isDirect: boolean): ProgramVariant => ({
    name,
    table: { keyBytes: 8, valueBytes: 8, entries: CGROUPS },
    programs: Object.entries({
      fork: forkProgram,
      exec: execProgram(btf => numberOf(btf, controller)),
      exit: exitProgram,
    }).map(([event, assemble]) => ({
      name: `oae_${event}`,
      hook: { kind: 'tp_btf', tracepoint: `sched_process_${event}` },
      assemble: (btf, maps) => assemble(btf, maps, isDirect),
    })),
  });
  // The second one costs a few hundred nanoseconds more for each exec.
  return {
    name: 'processes',
    ringBytes: RING_BYTES,
    variants: [variant('tracepoints', true), variant('tracepoints, by helpers', false)],
  };
};

const numberOf = (btf: Btf, controller: string | undefined): number | undefined => {
  if (controller === undefined) return undefined;
  const number = btf.enumerator('cgroup_subsys_id', `${controller}_cgrp_id`);
  if (number === undefined)
    throw new BpfError('btf', `this kernel has no number for the controller ${controller}`);
  return number;
};

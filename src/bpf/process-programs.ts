import { FP, R0, R1, R2, R3, R6, R7, R8, R9, type Register } from './assembler.ts';
import type { Btf } from './btf.ts';
import { BPF_RB_NO_WAKEUP, HELPERS } from './helpers.ts';
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
import type { Program, ProgramSet } from './program-set.ts';

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

/** sched_process_fork(parent, child). Threads are left out. */
export const forkProgram = (btf: Btf, maps: ProgramMaps): Buffer => {
  const builder = new ProgramBuilder(btf, maps);
  const places = kernelOffsets(btf, MEMBERS);
  builder.assembler.load(8, R6, R1, POINTER_BYTES);
  begin(builder, places, { kind: RECORD_KIND.fork, bytes: FORK.bytes });
  builder.follow(R7, R6, places.realParent);
  builder.copy(4, { to: FP, toOffset: AT + FORK.parent }, { from: R7, fromOffset: places.tgid });
  return builder.output(FORK.bytes, FP, AT).bytes();
};

/** sched_process_exit(task). The ends of other threads than the first are left out. */
export const exitProgram = (btf: Btf, maps: ProgramMaps): Buffer => {
  const builder = new ProgramBuilder(btf, maps);
  builder.assembler.load(8, R6, R1, 0);
  begin(builder, kernelOffsets(btf, MEMBERS), { kind: RECORD_KIND.exit, bytes: EXIT.bytes });
  return builder.output(EXIT.bytes, FP, AT).bytes();
};

/**
 * sched_process_exec(task, old pid, binary): the kernel comes here when the new program is in place.
 *
 * @param maps `table` has the cgroups whose paths were reported
 * @param controller number of a controller of cgroups version 1 that is mounted; undefined for none
 */
export const execProgram = (btf: Btf, maps: ProgramMaps, controller: number | undefined): Buffer => {
  const builder = new ProgramBuilder(btf, maps);
  const places = kernelOffsets(btf, MEMBERS);
  builder.assembler.load(8, R6, R1, 0);
  const reportCgroup = (version: 1 | 2): void => {
    followCgroup(builder, places, version === 1 ? controller : undefined);
    reportNewCgroup(builder, places, { version, ring: maps.ring });
  };
  reportCgroup(2);
  if (controller !== undefined) reportCgroup(1);
  begin(builder, places, { kind: RECORD_KIND.exec, bytes: EXEC.bytes });
  writeCgroupIds(builder, places, controller);
  writeFile(builder, places);
  writeNamespaces(builder, places);
  writeAudit(builder, places);
  return builder.output(EXEC.bytes, FP, AT).bytes();
};

const put = (
  builder: ProgramBuilder,
  bytes: number,
  to: number,
  [from, fromOffset]: readonly [Register, number],
): void => {
  builder.copy(bytes, { to: FP, toOffset: AT + to }, { from, fromOffset });
};

/** Begins the record of the task in R6; ends the program for another thread than the first of its process. */
const begin = (
  builder: ProgramBuilder,
  { tgid, pid }: Places,
  { kind, bytes }: { readonly kind: number; readonly bytes: number },
): void => {
  builder.follow(R7, R6, tgid, 4).follow(R8, R6, pid, 4);
  builder.assembler.jumpIfRegister(R7, 'not equal', R8, 'out');
  builder.clear(FP, AT, bytes);
  builder.assembler
    .storeNumber(4, FP, AT + COMMON.kind, kind)
    .store(4, FP, AT + COMMON.pid, R7)
    .call(HELPERS.ktime_get_ns)
    .store(8, FP, AT + COMMON.time, R0);
};

/** R7 = the directory (kernfs_node) of the cgroup of the task in R6. */
const followCgroup = (builder: ProgramBuilder, places: Places, controller: number | undefined): void => {
  builder.follow(R7, R6, places.cgroups);
  if (controller === undefined) builder.follow(R7, R7, places.defaultCgroup);
  else {
    builder
      .follow(R7, R7, places.subsystems + POINTER_BYTES * controller)
      .follow(R7, R7, places.subsystemCgroup);
  }
  builder.follow(R7, R7, places.kernfsNode);
};

const setV1Bit = (builder: ProgramBuilder, into: Register): void => {
  builder.assembler.set(R1, 1).shiftLeft(R1, 63).add(into, R1);
};

/** Passes on the path of the cgroup in R7, unless that was done before. */
const reportNewCgroup = (
  builder: ProgramBuilder,
  places: Places,
  { version, ring }: { readonly version: 1 | 2; readonly ring: number },
): void => {
  const known = builder.uniqueLabel('known cgroup');
  const full = builder.uniqueLabel('no room');
  const { assembler } = builder;
  builder.follow(R8, R7, places.kernfsId);
  if (version === 1) setV1Bit(builder, R8);
  assembler.store(8, FP, KEY, R8);
  builder.lookUp();
  assembler.jumpIf(R0, 'not equal', 0, known);
  // It is too long for the stack.
  assembler.loadMap(R1, ring).set(R2, CGROUP.bytes).set(R3, 0).call(HELPERS.ringbuf_reserve);
  assembler.jumpIf(R0, 'equal', 0, full).move(R9, R0);
  assembler.storeNumber(4, R9, COMMON.kind, RECORD_KIND.cgroup).store(8, R9, CGROUP.id, R8);
  writeNames(builder, places);
  assembler.move(R1, R9).set(R2, BPF_RB_NO_WAKEUP).call(HELPERS.ringbuf_submit);
  builder.keep(FP, KEY);
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

const writeCgroupIds = (builder: ProgramBuilder, places: Places, controller: number | undefined): void => {
  followCgroup(builder, places, undefined);
  put(builder, 8, EXEC.cgroup, [R7, places.kernfsId]);
  if (controller === undefined) return;
  followCgroup(builder, places, controller);
  builder.follow(R8, R7, places.kernfsId);
  setV1Bit(builder, R8);
  builder.assembler.store(8, FP, AT + EXEC.cgroupV1, R8);
};

const writeFile = (builder: ProgramBuilder, places: Places): void => {
  builder.follow(R7, R6, places.mm).follow(R7, R7, places.exeFile).follow(R7, R7, places.fileInode);
  put(builder, 8, EXEC.inode, [R7, places.inodeNumber]);
  builder.follow(R7, R7, places.inodeSuper);
  put(builder, 4, EXEC.device, [R7, places.superDevice]);
};

const writeNamespaces = (builder: ProgramBuilder, places: Places): void => {
  builder.follow(R7, R6, places.nsproxy).follow(R8, R7, places.mountNamespace);
  put(builder, 4, EXEC.mountNamespace, [R8, places.mountNumber]);
  builder.follow(R8, R7, places.netNamespace);
  put(builder, 4, EXEC.netNamespace, [R8, places.netNumber]);
  builder.follow(R7, R6, places.cred).follow(R7, R7, places.userNamespace);
  put(builder, 4, EXEC.userNamespace, [R7, places.userNumber]);
  // The pid in the innermost namespace is the last of its numbers.
  builder.follow(R7, R6, places.threadPid).follow(R8, R7, places.pidLevel, 4);
  builder.assembler.shiftLeft(R8, UPID_SHIFT).add(R7, R8).addNumber(R7, places.pidNumbers);
  put(builder, 4, EXEC.namespacePid, [R7, places.upidNumber]);
  builder.follow(R7, R7, places.upidNamespace);
  put(builder, 4, EXEC.pidNamespace, [R7, places.pidNamespaceNumber]);
};

/** Writes when audit's event of the call began; by that and the pid the two are matched. */
const writeAudit = (builder: ProgramBuilder, places: Places): void => {
  builder.follow(R7, R6, places.realParent);
  put(builder, 4, EXEC.parent, [R7, places.tgid]);
  const unaudited = builder.uniqueLabel('no audit context');
  builder.follow(R7, R6, places.auditContext);
  builder.assembler.jumpIf(R7, 'equal', 0, unaudited).storeNumber(4, FP, AT + EXEC.isAudited, 1);
  put(builder, 8, EXEC.seconds, [R7, places.stampSeconds]);
  put(builder, 4, EXEC.nanoseconds, [R7, places.stampNanoseconds]);
  builder.assembler.label(unaudited);
};

/** How many cgroups are remembered as reported: more than a host has. */
const CGROUPS = 8_192;
const RING_BYTES = 2 * 1024 * 1024;

/** @param controller see execProgram */
export const processPrograms = (controller: number | undefined): ProgramSet => ({
  name: 'processes',
  ringBytes: RING_BYTES,
  variants: [
    {
      name: 'tracepoints',
      table: { keyBytes: 8, valueBytes: 8, entries: CGROUPS },
      programs: [
        program('fork', forkProgram),
        program('exec', (btf, maps) => execProgram(btf, maps, controller)),
        program('exit', exitProgram),
      ],
    },
  ],
});

const program = (name: 'fork' | 'exec' | 'exit', assemble: Program['assemble']): Program => ({
  name: `oae_${name}`,
  hook: { kind: 'tp_btf', tracepoint: `sched_process_${name}` },
  assemble,
});

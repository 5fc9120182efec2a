import { FP, R0, R1, R2, R3, R6, R7, R8, R9 } from './assembler.ts';
import type { Btf } from './btf.ts';
import { HELPERS } from './helpers.ts';
import { kernelOffsets, type MemberName } from './kernel-offsets.ts';
import { ProgramBuilder, type ProgramMaps, STACK } from './program-builder.ts';
import type { ProgramSet } from './program-set.ts';
import { TASK } from './task-record.ts';
import {
  MAX_ARGUMENT_BYTES,
  MAX_PATH_BYTES,
  TTY_BYTES,
  UNAUDITED,
  UNAUDITED_EXEC,
} from './unaudited-exec-record.ts';

const MEMBERS = {
  auditContext: ['task_struct', 'audit_context'],
  realParent: ['task_struct', 'real_parent'],
  tgid: ['task_struct', 'tgid'],
  loginuid: ['task_struct', 'loginuid'],
  sessionid: ['task_struct', 'sessionid'],
  cred: ['task_struct', 'cred'],
  suid: ['cred', 'suid'],
  sgid: ['cred', 'sgid'],
  euid: ['cred', 'euid'],
  egid: ['cred', 'egid'],
  fsuid: ['cred', 'fsuid'],
  fsgid: ['cred', 'fsgid'],
  signal: ['task_struct', 'signal'],
  tty: ['signal_struct', 'tty'],
  ttyName: ['tty_struct', 'name'],
  mm: ['task_struct', 'mm'],
  argStart: ['mm_struct', 'arg_start'],
  argEnd: ['mm_struct', 'arg_end'],
  exeFile: ['mm_struct', 'exe_file'],
  fileInode: ['file', 'f_inode'],
  inodeNumber: ['inode', 'i_ino'],
  inodeMode: ['inode', 'i_mode'],
  inodeUid: ['inode', 'i_uid'],
  inodeGid: ['inode', 'i_gid'],
  inodeSuper: ['inode', 'i_sb'],
  superDevice: ['super_block', 's_dev'],
  filename: ['linux_binprm', 'filename'],
  interpreter: ['linux_binprm', 'interp'],
} as const satisfies Record<string, MemberName>;

type Places = Readonly<Record<keyof typeof MEMBERS, number>>;

const BINPRM_ARGUMENT = 16;
/** The linux_binprm, while other registers are in use. */
const BINPRM = STACK.key;

/** sched_process_exec(task, old pid, linux_binprm): for processes that audit sees it ends at once. */
export const unauditedExecProgram = (btf: Btf, maps: ProgramMaps): Buffer => {
  const builder = new ProgramBuilder(btf, maps);
  const places = kernelOffsets(btf, MEMBERS);
  const { assembler } = builder;
  const reserved = builder.uniqueLabel('reserved');
  assembler.load(8, R6, R1, 0).load(8, R8, R1, BINPRM_ARGUMENT).store(8, FP, BINPRM, R8);
  builder.follow(R7, R6, places.auditContext);
  assembler.jumpIf(R7, 'not equal', 0, 'out');
  builder.reserve(UNAUDITED.bytes);
  assembler.jumpIf(R0, 'not equal', 0, reserved);
  builder.countLoss();
  assembler.jump('out').label(reserved).move(R9, R0);
  builder.clear(R9, 0, TASK.bytes).writeTask(UNAUDITED_EXEC, R9);
  writeActor(builder, places);
  writeFile(builder, places);
  writeTexts(builder, places);
  writeArguments(builder, places);
  return builder.writePassedOn(R9).submit(R9).bytes();
};

/** Copies from what is in R7 to the record in R9. */
const put = (builder: ProgramBuilder, bytes: number, toOffset: number, fromOffset: number): void => {
  builder.copy(bytes, { to: R9, toOffset }, { from: R7, fromOffset });
};

const writeActor = (builder: ProgramBuilder, places: Places): void => {
  builder.follow(R7, R6, places.realParent);
  put(builder, 4, UNAUDITED.parent, places.tgid);
  builder.assembler.move(R7, R6);
  put(builder, 4, UNAUDITED.auid, places.loginuid);
  put(builder, 4, UNAUDITED.session, places.sessionid);
  builder.follow(R7, R6, places.cred);
  for (const id of ['suid', 'sgid', 'euid', 'egid', 'fsuid', 'fsgid'] as const)
    put(builder, 4, UNAUDITED[id], places[id]);
};

const writeFile = (builder: ProgramBuilder, places: Places): void => {
  builder.follow(R7, R6, places.mm).follow(R7, R7, places.exeFile).follow(R7, R7, places.fileInode);
  put(builder, 8, UNAUDITED.inode, places.inodeNumber);
  put(builder, 2, UNAUDITED.mode, places.inodeMode);
  put(builder, 4, UNAUDITED.ownerUid, places.inodeUid);
  put(builder, 4, UNAUDITED.ownerGid, places.inodeGid);
  builder.follow(R7, R7, places.inodeSuper);
  put(builder, 4, UNAUDITED.device, places.superDevice);
};

/** Texts that the kernel keeps, each of which ends with a NUL. */
const writeTexts = (builder: ProgramBuilder, places: Places): void => {
  const { assembler } = builder;
  const copyText = (to: number, room: number): void => {
    // Where there is none, nothing is written.
    assembler
      .storeNumber(1, R9, to, 0)
      .move(R1, R9)
      .addNumber(R1, to)
      .set(R2, room)
      .move(R3, R7)
      .call(HELPERS.probe_read_kernel_str);
  };
  builder.follow(R7, R6, places.signal).follow(R7, R7, places.tty);
  assembler.addNumber(R7, places.ttyName);
  copyText(UNAUDITED.tty, TTY_BYTES);
  assembler.load(8, R7, FP, BINPRM);
  builder.follow(R7, R7, places.filename);
  copyText(UNAUDITED.filename, MAX_PATH_BYTES);
  assembler.load(8, R7, FP, BINPRM);
  builder.follow(R7, R7, places.interpreter);
  copyText(UNAUDITED.interpreter, MAX_PATH_BYTES);
};

/** The arguments are in the process's own memory, which it has not had the time to change. */
const writeArguments = (builder: ProgramBuilder, places: Places): void => {
  const { assembler } = builder;
  const fits = builder.uniqueLabel('arguments fit');
  builder.follow(R7, R6, places.mm).follow(R8, R7, places.argEnd).follow(R7, R7, places.argStart);
  assembler
    .subtract(R8, R7)
    .store(8, R9, UNAUDITED.argumentBytes, R8)
    .jumpIf(R8, 'at most', MAX_ARGUMENT_BYTES, fits)
    .set(R8, MAX_ARGUMENT_BYTES)
    .label(fits)
    .move(R1, R9)
    .addNumber(R1, UNAUDITED.arguments)
    .move(R2, R8)
    .move(R3, R7)
    .call(HELPERS.probe_read_user);
};

/** Room for some 40 execs: a process that audit cannot see is old, and executes little itself. */
const RING_BYTES = 256 * 1024;

export const unauditedExecPrograms: ProgramSet = {
  name: 'unaudited execs',
  ringBytes: RING_BYTES,
  variants: [
    {
      name: 'tracepoint',
      programs: [
        {
          name: 'oae_unaudited',
          hook: { kind: 'tp_btf', tracepoint: 'sched_process_exec' },
          assemble: unauditedExecProgram,
        },
      ],
    },
  ],
};

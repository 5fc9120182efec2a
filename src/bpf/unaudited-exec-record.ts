import { readTaskFacts, TASK, type TaskFacts } from './task-record.ts';

/** TASK.kind of the record. It is alone in its ring. */
export const UNAUDITED_EXEC = 1;

/** Bytes of arguments that are taken; a longer command line is cut. */
export const MAX_ARGUMENT_BYTES = 4096;
/** Bytes of a path that are taken, with the NUL; a longer one is not told. */
export const MAX_PATH_BYTES = 1024;
export const TTY_BYTES = 64;

const IDS = TASK.bytes;
const FILE = IDS + 40;

/** An exec of a process that audit cannot see: the task's part, then this. */
export const UNAUDITED = {
  parent: IDS,
  auid: IDS + 4,
  session: IDS + 8,
  suid: IDS + 12,
  sgid: IDS + 16,
  euid: IDS + 20,
  egid: IDS + 24,
  fsuid: IDS + 28,
  fsgid: IDS + 32,
  /** Of the file that is mapped; its device is in the kernel's own encoding. */
  inode: FILE,
  device: FILE + 8,
  ownerUid: FILE + 12,
  ownerGid: FILE + 16,
  /** 16 bits. */
  mode: FILE + 20,
  /** How many bytes all arguments have, with their NULs. */
  argumentBytes: FILE + 24,
  tty: FILE + 32,
  /** What was asked for, and what runs: of a script its interpreter. Both as the caller, or the script, wrote them. */
  filename: FILE + 32 + TTY_BYTES,
  interpreter: FILE + 32 + TTY_BYTES + MAX_PATH_BYTES,
  arguments: FILE + 32 + TTY_BYTES + 2 * MAX_PATH_BYTES,
  bytes: FILE + 32 + TTY_BYTES + 2 * MAX_PATH_BYTES + MAX_ARGUMENT_BYTES,
} as const;

export interface UnauditedExec extends TaskFacts {
  readonly parent: number;
  readonly auid: number;
  readonly session: number;
  readonly euid: number;
  readonly egid: number;
  readonly suid: number;
  readonly sgid: number;
  readonly fsuid: number;
  readonly fsgid: number;
  readonly inode: bigint;
  readonly device: number;
  readonly mode: number;
  readonly ownerUid: number;
  readonly ownerGid: number;
  readonly argumentBytes: number;
  /** The first MAX_ARGUMENT_BYTES of them; a view of the record, valid as long as that. */
  readonly arguments: Buffer;
  /** undefined if it is too long, or there is none. */
  readonly tty: Buffer | undefined;
  readonly filename: Buffer | undefined;
  readonly interpreter: Buffer | undefined;
}

/** @returns undefined if the bytes are not a whole record */
export const readUnauditedExec = (bytes: Buffer, at: number, length: number): UnauditedExec | undefined => {
  if (length < UNAUDITED.bytes || bytes.readUInt32LE(at + TASK.kind) !== UNAUDITED_EXEC) return undefined;
  const number = (place: number): number => bytes.readUInt32LE(at + place);
  // The stack of a process ends far below 2^53.
  const argumentBytes = Number(bytes.readBigUInt64LE(at + UNAUDITED.argumentBytes));
  const start = at + UNAUDITED.arguments;
  return {
    ...readTaskFacts(bytes, at),
    parent: number(UNAUDITED.parent),
    auid: number(UNAUDITED.auid),
    session: number(UNAUDITED.session),
    euid: number(UNAUDITED.euid),
    egid: number(UNAUDITED.egid),
    suid: number(UNAUDITED.suid),
    sgid: number(UNAUDITED.sgid),
    fsuid: number(UNAUDITED.fsuid),
    fsgid: number(UNAUDITED.fsgid),
    inode: bytes.readBigUInt64LE(at + UNAUDITED.inode),
    device: number(UNAUDITED.device),
    mode: bytes.readUInt16LE(at + UNAUDITED.mode),
    ownerUid: number(UNAUDITED.ownerUid),
    ownerGid: number(UNAUDITED.ownerGid),
    argumentBytes,
    arguments: bytes.subarray(start, start + Math.min(argumentBytes, MAX_ARGUMENT_BYTES)),
    tty: text(bytes, at + UNAUDITED.tty, TTY_BYTES),
    filename: text(bytes, at + UNAUDITED.filename, MAX_PATH_BYTES),
    interpreter: text(bytes, at + UNAUDITED.interpreter, MAX_PATH_BYTES),
  };
};

/** The helper that copies a text ends it with a NUL also where it cuts it: then the last byte but one is used. */
const text = (bytes: Buffer, at: number, room: number): Buffer | undefined => {
  const end = bytes.indexOf(0, at);
  return end === at || end < 0 || end >= at + room - 1 ? undefined : bytes.subarray(at, end);
};

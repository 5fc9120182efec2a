import { TASK } from '../../src/bpf/task-record.ts';
import {
  MAX_ARGUMENT_BYTES,
  MAX_PATH_BYTES,
  TTY_BYTES,
  UNAUDITED,
  UNAUDITED_EXEC,
} from '../../src/bpf/unaudited-exec-record.ts';

export interface UnauditedExecText {
  readonly argv?: readonly string[];
  readonly tty?: string;
  readonly filename?: string;
  readonly interpreter?: string;
  /** Nanoseconds since boot. */
  readonly bootNs?: bigint;
}

const UNSET = 4_294_967_295;

/** A record as the program writes it. What it does not write is what was in the ring before. */
export const unauditedExecRecord = ({
  argv = ['/usr/bin/thing'],
  tty = '',
  filename = '/usr/bin/thing',
  interpreter = '/bin/sh',
  bootNs = 5_000_000_000n,
}: UnauditedExecText): Buffer => {
  const record = Buffer.alloc(UNAUDITED.bytes, 0x41);
  record.fill(0, 0, TASK.bytes);
  const put = (at: number, value: number): number => record.writeUInt32LE(value, at);
  record.writeBigUInt64LE(bootNs, TASK.bootNs);
  put(TASK.kind, UNAUDITED_EXEC);
  put(TASK.tgid, 4321);
  put(TASK.tid, 4321);
  put(TASK.uid, 1000);
  put(TASK.gid, 100);
  record.write('thing', TASK.comm);
  put(UNAUDITED.parent, 1234);
  put(UNAUDITED.auid, UNSET);
  put(UNAUDITED.session, UNSET);
  for (const [place, id] of [
    [UNAUDITED.euid, 1001],
    [UNAUDITED.suid, 1002],
    [UNAUDITED.fsuid, 1003],
    [UNAUDITED.egid, 101],
    [UNAUDITED.sgid, 102],
    [UNAUDITED.fsgid, 103],
    [UNAUDITED.ownerUid, 0],
    [UNAUDITED.ownerGid, 0],
    [UNAUDITED.device, 0xfe00000],
  ] as const)
    put(place, id);
  record.writeBigUInt64LE(260_958n, UNAUDITED.inode);
  record.writeUInt16LE(0o100755, UNAUDITED.mode);
  const bytes = Buffer.from(argv.map(argument => `${argument}\0`).join(''));
  record.writeBigUInt64LE(BigInt(bytes.length), UNAUDITED.argumentBytes);
  record.set(bytes.subarray(0, MAX_ARGUMENT_BYTES), UNAUDITED.arguments);
  const text = (at: number, room: number, value: string): void => {
    const cut = Buffer.from(value).subarray(0, room - 1);
    record.set(cut, at);
    record[at + cut.length] = 0;
  };
  text(UNAUDITED.tty, TTY_BYTES, tty);
  text(UNAUDITED.filename, MAX_PATH_BYTES, filename);
  text(UNAUDITED.interpreter, MAX_PATH_BYTES, interpreter);
  return record;
};

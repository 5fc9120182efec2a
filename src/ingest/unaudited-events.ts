import type { ExecutedFile, ProcessEvent, SocketEvent } from '../audit/audit-event.ts';
import { CUT_MARK } from '../audit/bound-arguments.ts';
import { EINTR } from '../audit/constants.ts';
import { AF_INET, formatIPv4, formatIPv6 } from '../audit/sockaddr.ts';
import { decodeText } from '../audit/value.ts';
import { ERESTARTSYS, type SocketRecord } from '../bpf/socket-record.ts';
import type { UnauditedExec } from '../bpf/unaudited-exec-record.ts';

/** What is known of a process besides its record. */
export interface UnauditedActor {
  readonly exe: string | undefined;
  readonly auid: number | undefined;
  readonly ses: number | undefined;
  readonly ppid: number | undefined;
}

const ACTIONS: Readonly<Record<SocketRecord['kind'], SocketEvent['action']>> = {
  connect: 'connect',
  connected: 'connect',
  accept: 'accept',
  bind: 'bind',
};

/** @param ms when it happened, in milliseconds since the epoch */
const originOf = (ms: number) =>
  ({
    seconds: Math.floor(ms / 1000),
    milliseconds: Math.floor(ms) % 1000,
    serial: 0,
    isUnaudited: true,
    node: undefined,
    names: undefined,
  }) as const;

/** The event of a call with a socket that audit cannot see. */
export const unauditedSocketEvent = (
  record: SocketRecord,
  ms: number,
  { exe, auid, ses, ppid }: UnauditedActor,
): SocketEvent => {
  const action = ACTIONS[record.kind];
  const address = (bytes: Buffer): string =>
    record.family === AF_INET ? formatIPv4(bytes) : formatIPv6(bytes);
  const exit = record.result === -ERESTARTSYS ? -EINTR : record.result;
  return {
    kind: 'socket',
    ...originOf(ms),
    action,
    syscall: action,
    pid: record.tgid,
    ppid,
    auid,
    uid: record.uid,
    gid: record.gid,
    // Few programs change these for a call.
    euid: record.uid,
    egid: record.gid,
    suid: undefined,
    sgid: undefined,
    fsuid: undefined,
    fsgid: undefined,
    ses,
    tty: undefined,
    comm: record.comm,
    exe,
    fd: record.fd,
    family: record.family,
    protocol: record.protocol,
    local: { address: address(record.local), port: record.localPort },
    remote: action === 'bind' ? undefined : { address: address(record.remote), port: record.remotePort },
    socket: undefined,
    outcome: action === 'connect' && exit < 0 ? 'in_progress' : 'succeeded',
    exit,
  };
};

/**
 * The event of an exec that audit cannot see.
 *
 * @param exe what /proc/PID/exe leads to, if the process still runs that
 */
export const unauditedExecEvent = (
  record: UnauditedExec,
  ms: number,
  exe: string | undefined,
): ProcessEvent => {
  const text = (bytes: Buffer | undefined): string | undefined => bytes && decodeText(bytes);
  const interpreter = text(record.interpreter);
  const path = exe ?? (interpreter?.startsWith('/') === true ? interpreter : undefined);
  const { argv, isCut } = argumentsOf(record);
  return {
    kind: 'process',
    ...originOf(ms),
    action: 'exec',
    syscall: 'execve',
    pid: record.tgid,
    parent: record.parent,
    ppid: record.parent,
    exit: 0,
    status: undefined,
    auid: record.auid,
    uid: record.uid,
    gid: record.gid,
    euid: record.euid,
    egid: record.egid,
    suid: record.suid,
    sgid: record.sgid,
    fsuid: record.fsuid,
    fsgid: record.fsgid,
    ses: record.session,
    tty: text(record.tty),
    comm: record.comm,
    exe: path,
    path,
    cwd: undefined,
    argv,
    ...(isCut && { commandLineBytes: record.argumentBytes - 1 }),
    env: undefined,
    files: filesOf(record, text(record.filename), interpreter),
  };
};

/** What was asked for comes first; of a script nothing else is known. */
const filesOf = (
  { inode, device, mode, ownerUid, ownerGid }: UnauditedExec,
  filename: string | undefined,
  interpreter: string | undefined,
): readonly ExecutedFile[] => {
  const mapped: ExecutedFile = {
    mode: `0${mode.toString(8)}`,
    ouid: ownerUid,
    ogid: ownerGid,
    inode: String(inode),
    dev: deviceText(device),
    name: interpreter,
  };
  if (filename !== undefined && filename === interpreter) return [mapped];
  const asked = { mode: undefined, ouid: undefined, ogid: undefined, inode: undefined, dev: undefined };
  return [{ ...asked, name: filename }, mapped];
};

/** The kernel's own encoding (MKDEV), as audit writes it. */
const deviceText = (device: number): string =>
  [device >>> 20, device & 0xf_ffff].map(part => part.toString(16).padStart(2, '0')).join(':');

/** undefined if they could not be read: then there are only zeros. */
const argumentsOf = ({
  arguments: bytes,
  argumentBytes,
}: UnauditedExec): { readonly argv: readonly string[] | undefined; readonly isCut: boolean } => {
  const isCut = argumentBytes > bytes.length;
  if (bytes.length > 0 && bytes.every(byte => byte === 0)) return { argv: undefined, isCut: false };
  const argv: string[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start);
    argv.push(decodeText(bytes, start, end < 0 ? bytes.length : end));
    start = end < 0 ? bytes.length : end + 1;
  }
  if (isCut) argv.push(`${bytes.at(-1) === 0 ? '' : (argv.pop() ?? '')}${CUT_MARK}`);
  return { argv, isCut };
};

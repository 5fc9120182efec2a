/**
 * Records of the programs that follow processes (process-programs.ts), little-endian. Each begins with the time of CLOCK_MONOTONIC
 * in nanoseconds (u64), its kind (u32), and the pid (u32).
 */
export const RECORD_KIND = { exec: 1, fork: 2, exit: 3, cgroup: 4 } as const;

/** Where the parts of a record are, in bytes. */
export const COMMON = { time: 0, kind: 8, pid: 12 } as const;
export const EXEC = {
  cgroup: 16,
  cgroupV1: 24,
  inode: 32,
  device: 40,
  mountNamespace: 44,
  netNamespace: 48,
  userNamespace: 52,
  pidNamespace: 56,
  namespacePid: 60,
  parent: 64,
  isAudited: 68,
  seconds: 72,
  nanoseconds: 80,
  bytes: 88,
} as const;
export const FORK = { parent: 16, bytes: 24 } as const;
export const EXIT = { bytes: 16 } as const;

/** Most directories of a cgroup's path; the path of a deeper one is not known. */
export const MAX_CGROUP_DEPTH = 12;
/** NAME_MAX and its NUL. */
export const NAME_BYTES = 256;
/** Instead of the pid: the number of names, the cgroup's own first, and the root's, which is empty, last; 0: too deep. */
export const CGROUP = {
  depth: 12,
  id: 16,
  names: 24,
  bytes: 24 + MAX_CGROUP_DEPTH * NAME_BYTES,
} as const;

interface Timed {
  /** CLOCK_MONOTONIC in milliseconds, with the fraction. */
  readonly monotonicMs: number;
}

/** What the kernel knew of a process when it had executed a file. Namespaces are inode numbers. */
export interface ExecRecord extends Timed {
  readonly kind: 'exec';
  readonly pid: number;
  readonly parent: number;
  /** Of the file that is mapped: of the interpreter for a script. The device is in the kernel's own encoding. */
  readonly inode: bigint;
  readonly device: number;
  /** Whether audit can see the process. */
  readonly isAudited: boolean;
  /** The time in the header of audit's event of this call, in milliseconds since the epoch; undefined if there will be none. */
  readonly auditMs: number | undefined;
  /** Of version 2, and of version 1; the latter is 0 where no such hierarchy is mounted. */
  readonly cgroup: bigint;
  readonly cgroupV1: bigint;
  readonly mountNamespace: number;
  readonly netNamespace: number;
  readonly pidNamespace: number;
  readonly userNamespace: number;
  /** The pid in that namespace. */
  readonly namespacePid: number;
}

export type ProcessRecord =
  | ExecRecord
  | (Timed & { readonly kind: 'fork'; readonly pid: number; readonly parent: number })
  | (Timed & { readonly kind: 'exit'; readonly pid: number })
  /** Comes before the first exec in that cgroup. */
  | { readonly kind: 'cgroup'; readonly id: bigint; readonly path: string | undefined };

/** @returns undefined if the bytes are not a whole record */
export const parseProcessRecord = (bytes: Buffer, start: number, end: number): ProcessRecord | undefined => {
  const length = end - start;
  if (length < EXIT.bytes) return undefined;
  switch (bytes.readUInt32LE(start + COMMON.kind)) {
    case RECORD_KIND.exec:
      return length < EXEC.bytes ? undefined : execRecord(bytes, start);
    case RECORD_KIND.fork: {
      if (length < FORK.bytes) return undefined;
      const parent = bytes.readInt32LE(start + FORK.parent);
      return { kind: 'fork', pid: pidAt(bytes, start), parent, monotonicMs: milliseconds(bytes, start) };
    }
    case RECORD_KIND.exit:
      return { kind: 'exit', pid: pidAt(bytes, start), monotonicMs: milliseconds(bytes, start) };
    case RECORD_KIND.cgroup:
      if (length < CGROUP.bytes) return undefined;
      return { kind: 'cgroup', id: bytes.readBigUInt64LE(start + CGROUP.id), path: cgroupPath(bytes, start) };
    default:
      return undefined;
  }
};

const execRecord = (bytes: Buffer, start: number): ExecRecord => {
  const number = (at: number): number => bytes.readUInt32LE(start + at);
  return {
    kind: 'exec',
    pid: pidAt(bytes, start),
    monotonicMs: milliseconds(bytes, start),
    parent: number(EXEC.parent),
    inode: bytes.readBigUInt64LE(start + EXEC.inode),
    device: number(EXEC.device),
    isAudited: number(EXEC.isAudited) !== 0,
    // 0 while audit is off.
    auditMs:
      word(bytes, start + EXEC.seconds) * 1000 + Math.floor(number(EXEC.nanoseconds) / 1e6) || undefined,
    cgroup: bytes.readBigUInt64LE(start + EXEC.cgroup),
    cgroupV1: bytes.readBigUInt64LE(start + EXEC.cgroupV1),
    mountNamespace: number(EXEC.mountNamespace),
    netNamespace: number(EXEC.netNamespace),
    pidNamespace: number(EXEC.pidNamespace),
    userNamespace: number(EXEC.userNamespace),
    namespacePid: number(EXEC.namespacePid),
  };
};

const pidAt = (bytes: Buffer, start: number): number => bytes.readUInt32LE(start + COMMON.pid);

/** 64 bits, exact below 2^53. */
const word = (bytes: Buffer, at: number): number =>
  bytes.readUInt32LE(at + 4) * 4_294_967_296 + bytes.readUInt32LE(at);

const milliseconds = (bytes: Buffer, start: number): number => word(bytes, start + COMMON.time) / 1e6;

/** The names from the root on, as /proc/PID/cgroup shows them. */
const cgroupPath = (bytes: Buffer, start: number): string | undefined => {
  const depth = bytes.readUInt32LE(start + CGROUP.depth);
  if (depth === 0 || depth > MAX_CGROUP_DEPTH) return undefined;
  let path = '';
  for (let i = depth - 2; i >= 0; i--) {
    const name = start + CGROUP.names + i * NAME_BYTES;
    const nul = bytes.indexOf(0, name);
    if (nul < 0 || nul >= name + NAME_BYTES) return undefined;
    path += `/${bytes.toString('utf8', name, nul)}`;
  }
  return path === '' ? '/' : path;
};

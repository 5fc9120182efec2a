/** The parts of `/proc/PID/status` that identify a process. */
export interface ProcessStatus {
  readonly tgid: number;
  readonly ppid: number;
  /** Real, effective, saved and filesystem uid. */
  readonly uids: readonly [number, number, number, number];
  /** The pid in each of its pid namespaces, the reader's first, its own last. Empty before Linux 4.1. */
  readonly namespacePids: readonly number[];
}

/**
 * @returns undefined if Tgid, PPid or Uid is missing or malformed. Name comes first and cannot contain a newline (the
 * kernel escapes it), so a process cannot invent lines.
 */
export const parseStatus = (bytes: Uint8Array): ProcessStatus | undefined => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const lines = text.split('\n');
  // Text behind the last newline is cut off.
  lines.pop();
  const values = (key: string): number[] | undefined => {
    const line = lines.find(candidate => candidate.startsWith(key));
    if (line === undefined) return undefined;
    const parts = line.slice(key.length).split('\t').filter(Boolean);
    return parts.every(part => /^\d{1,10}$/.test(part)) ? parts.map(Number) : undefined;
  };
  const [tgid] = values('Tgid:') ?? [];
  const [ppid] = values('PPid:') ?? [];
  const [real, effective, saved, filesystem] = values('Uid:') ?? [];
  if (tgid === undefined || ppid === undefined) return undefined;
  if (real === undefined || effective === undefined || saved === undefined || filesystem === undefined) {
    return undefined;
  }
  return {
    tgid,
    ppid,
    uids: [real, effective, saved, filesystem],
    namespacePids: values('NSpid:') ?? [],
  };
};

import { statSync } from 'node:fs';
import type { ProcfsReader } from '../procfs/reader.ts';
import { parseNamespace } from '../procfs/values.ts';
import { parsePasswd } from './passwd.ts';
import { readRootFile } from './root-file.ts';
import { innerUid, parseUidMap } from './uid-map.ts';

/** Larger account files in another root are not read: anybody may own them. */
const MAX_PASSWD_BYTES = 1_048_576;
const MAX_HOSTNAME_BYTES = 256;
const MAX_NAME = 256;

/** A question about accounts as seen by a process in a mount namespace. */
export interface AccountsRequest {
  readonly pid: number;
  /** Inode number of its mount namespace. */
  readonly mount: number;
  /** Uids as seen from the host. */
  readonly uids: readonly number[];
}

export interface SeenAccount {
  readonly uid: number;
  /** The uid in its user namespace; undefined if it is not mapped there. */
  readonly inner: number | undefined;
  readonly name: string | undefined;
}

export interface SeenAccounts {
  /** Whether its accounts are the host's. */
  readonly isHost: boolean;
  readonly hostName: string | undefined;
  readonly accounts: readonly SeenAccount[];
}

/**
 * The accounts that a process sees: those in its root's `etc/passwd`, by the uids of its own user namespace. Every
 * look may hang, so this runs in a process that can be given up.
 *
 * @returns undefined if the process is gone, or in another mount namespace
 */
export const lookAtAccounts = (
  procfs: ProcfsReader,
  { pid, mount, uids }: AccountsRequest,
): SeenAccounts | undefined => {
  const isThere = (): boolean => parseNamespace(procfs.link(pid, 'ns/mnt') ?? '') === mount;
  if (!isThere()) return undefined;
  const map = parseUidMap(procfs.read(pid, 'uid_map') ?? new Uint8Array());
  const root = procfs.path(pid, 'root');
  const passwd = readRootFile(root, ['etc', 'passwd'], MAX_PASSWD_BYTES);
  const hostName = readRootFile(root, ['etc', 'hostname'], MAX_HOSTNAME_BYTES);
  // Another process may have its pid by now.
  if (!isThere()) return undefined;
  const names = passwd === undefined ? undefined : parsePasswd(passwd.bytes);
  return {
    isHost: passwd !== undefined && passwd.identity === identityOf('/etc/passwd'),
    hostName: hostName && parseHostName(hostName.bytes),
    accounts: uids.map(uid => {
      const inner = innerUid(map, uid);
      const name = inner === undefined ? undefined : names?.get(inner);
      return { uid, inner, name: name === undefined || name.length > MAX_NAME ? undefined : name };
    }),
  };
};

const identityOf = (path: string): string | undefined => {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
};

/** The first line of hostname(5), if it can be a host's name. */
export const parseHostName = (bytes: Uint8Array): string | undefined =>
  /^([A-Za-z0-9][A-Za-z0-9._-]{0,252})\s*(?:\n|$)/.exec(Buffer.from(bytes).toString('latin1'))?.[1];

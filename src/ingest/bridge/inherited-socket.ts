import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { NETLINK_AUDIT } from '../../audit/constants.ts';
import { AF_NETLINK, socketOption } from '../../runtime/socket-calls.ts';
import { HELD_FD } from './bridge.ts';
import { readBridgeRecord } from './bridge-file.ts';
import { isAlive, ProcessHandle } from './process-handle.ts';

/** asm-generic/socket.h */
const SO_PROTOCOL = 38;
const SO_DOMAIN = 39;
/** Milliseconds for the previous instance to end, if it is about to. */
const PATIENCE_MS = 1_000;
const LOOK_MS = 20;
/** Milliseconds for the holder to end. */
const KILL_MS = 2_000;

/** The audit socket of an ended instance, with the records that the kernel has put there since. */
export interface InheritedSocket {
  readonly fd: number;
  /** The pid that the kernel still has for the owner. */
  readonly ownerPid: number;
}

/**
 * Takes over the socket from the bridge of a previous instance. The socket of a living instance is not taken.
 *
 * @param directory the state directory of both
 * @returns undefined if there is none
 */
export const inheritSocket = async (directory: string): Promise<InheritedSocket | undefined> => {
  const record = readBridgeRecord(directory);
  if (record === undefined) return undefined;
  const { owner, holder } = record;
  for (let waited = 0; isAlive(owner); waited += LOOK_MS) {
    if (waited >= PATIENCE_MS) return undefined;
    await sleep(LOOK_MS);
  }
  const handle = ProcessHandle.open(holder);
  if (handle === undefined) return undefined;
  try {
    const fd = handle.descriptor(HELD_FD);
    // In either case: otherwise it would put audit back while we use it.
    handle.kill(KILL_MS);
    if (fd < 0) return undefined;
    if (isAuditSocket(fd)) return { fd, ownerPid: owner.pid };
    closeSync(fd);
    return undefined;
  } finally {
    handle.close();
  }
};

const isAuditSocket = (fd: number): boolean =>
  socketOption(fd, SO_DOMAIN, 1)?.[0] === AF_NETLINK &&
  socketOption(fd, SO_PROTOCOL, 1)?.[0] === NETLINK_AUDIT;

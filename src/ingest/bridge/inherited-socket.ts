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
/** Milliseconds for the instance before to end, when it is about to. */
const PATIENCE_MS = 1_000;
const LOOK_MS = 20;
/** Milliseconds for the holder to be gone. */
const KILL_MS = 2_000;

/** The audit socket of an instance that has ended, with the records that the kernel has put there since. */
export interface InheritedSocket {
  readonly fd: number;
  /** The pid that the kernel still takes for the owner's. */
  readonly ownerPid: number;
}

/**
 * Takes over the socket from the bridge that an instance has left. None is taken from one that lives.
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
    // In either case, or it would put audit back while we use it.
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

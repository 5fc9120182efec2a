import type { SocketAddress, SocketEvent } from '../audit/audit-event.ts';
import { AF_INET, AF_INET6, AF_UNIX } from '../audit/sockaddr.ts';
import { isUnspecified } from './address.ts';
import { BSM_EAGAIN, BSM_EINPROGRESS, BSM_EINTR } from './bsm-errno.ts';
import type { EventOrigin } from './event-origin.ts';
import type { ProcessMemory } from './process-memory.ts';
import type { BsmRecord } from './record.ts';
import { findArgument, findResult, findSubject, findToken } from './record-facts.ts';

type SocketCall = SocketEvent['action'];

/** xnu's argument token for the descriptor, in the records of all socket calls. */
const FD_ARGUMENT = 1;
/** No descriptor was recorded. */
const NO_FD = -1;
/** Source: OpenBSM, bsm/audit_domain.h. */
const BSM_PF_INET6 = 26;

/**
 * A socket call, successful or not.
 *
 * An accept has no address if the program did not ask for one, or no client came; it is an event without an address.
 * Any other call without an address is of a family that the tables do not hold, or a send on a connected socket: no
 * event.
 */
export const mapSocket = (
  record: BsmRecord,
  origin: EventOrigin,
  syscall: SocketCall,
  memory: ProcessMemory,
): SocketEvent | undefined => {
  const subject = findSubject(record);
  const result = findResult(record);
  if (subject === undefined || result === undefined) return undefined;
  const name = findName(record);
  if (name === undefined && syscall !== 'accept') return undefined;

  const known = memory.find(subject.pid);
  return {
    kind: 'socket',
    ...origin,
    action: syscall,
    syscall,
    fd: findArgument(record, FD_ARGUMENT) ?? NO_FD,
    family: name?.family,
    protocol: undefined,
    local: name?.local ?? (syscall === 'bind' ? name?.address : undefined),
    remote: name?.remote ?? (syscall === 'bind' ? undefined : name?.address),
    socket: name?.path,
    outcome: outcome(syscall, result.bsmErrno),
    exit: result.exit,
    pid: subject.pid,
    ppid: known?.ppid,
    auid: subject.auid,
    uid: subject.ruid,
    gid: subject.rgid,
    euid: subject.euid,
    egid: subject.egid,
    suid: undefined,
    sgid: undefined,
    fsuid: undefined,
    fsgid: undefined,
    ses: subject.sid,
    tty: undefined,
    comm: undefined,
    exe: known?.path,
  };
};

const outcome = (syscall: SocketCall, bsmErrno: number): SocketEvent['outcome'] => {
  if (bsmErrno === 0) return 'succeeded';
  if (syscall === 'connect' && (bsmErrno === BSM_EINPROGRESS || bsmErrno === BSM_EINTR)) return 'in_progress';
  if (syscall === 'accept' && bsmErrno === BSM_EAGAIN) return 'no_client';
  return 'failed';
};

interface SocketName {
  readonly family: number;
  /** The one address of a sockaddr token. The call decides which end it is. */
  readonly address?: SocketAddress;
  readonly local?: SocketAddress | undefined;
  readonly remote?: SocketAddress | undefined;
  readonly path?: string;
}

/**
 * The family follows from the kind of token and not from the number in it: the kernel of macOS writes 26 for IPv6, as
 * BSM does; libbsm and FreeBSD write their own number (30 on macOS, 28 on FreeBSD).
 *
 * The kernel of macOS writes the port of an IPv6 token with its bytes swapped on every current machine: it takes the
 * port, which the socket address holds in network order, for a host number. praudit and osquery show the swapped
 * port. Source: xnu, au_to_sock_inet128 in bsd/security/audit/audit_bsm_token.c; libbsm had the same error until
 * 2026.
 */
const findName = ({ tokens }: BsmRecord): SocketName | undefined => {
  const found = findToken(tokens, 'sockinet32', 'sockinet128', 'sockunix', 'socket', 'socket_ex');
  if (found === undefined) return undefined;
  switch (found.kind) {
    case 'sockinet32':
      return { family: AF_INET, address: { address: found.address, port: found.port } };
    case 'sockinet128': {
      const port = found.family === BSM_PF_INET6 ? swapBytes(found.port) : found.port;
      return { family: AF_INET6, address: { address: found.address, port } };
    }
    case 'sockunix': {
      // The kernel writes the resolved path in a token of its own.
      const resolved = findToken(tokens, 'path')?.path;
      return { family: AF_UNIX, path: found.path === '' ? (resolved ?? '') : found.path };
    }
    default:
      return {
        family: found.localAddress.includes(':') ? AF_INET6 : AF_INET,
        local: end(found.localAddress, found.localPort),
        remote: end(found.remoteAddress, found.remotePort),
      };
  }
};

/** One end of a socket. An end without address and port is not connected or bound. */
const end = (address: string, port: number): SocketAddress | undefined =>
  isUnspecified(address) && port === 0 ? undefined : { address, port };

const swapBytes = (port: number): number => ((port & 0xff) << 8) | (port >> 8);

import type { SocketAddress } from '../../audit/audit-event.ts';

export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;

/** A socket in the kernel's list. */
export interface ListedSocket {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  /** IPPROTO_TCP (6) or IPPROTO_UDP (17). */
  readonly protocol: number;
  /** TCP_SYN_SENT (2), TCP_LISTEN (10) …; UDP has them too. */
  readonly state: number;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /** Identifies a socket of any network namespace; 0 for one without an owner. */
  readonly inode: number;
}

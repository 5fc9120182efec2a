import { AU_IPv4, formatAddress, parseAddress } from './address.ts';
import { addressLength, prefixedHex16 } from './field.ts';
import type { TokenCodec } from './token-codec.ts';

export interface SocketExValues {
  /** BSM_PF_*: 2 IPv4, 26 IPv6. */
  readonly domain: number;
  /** BSM_SOCK_*. */
  readonly type: number;
  readonly localPort: number;
  readonly localAddress: string;
  readonly remotePort: number;
  readonly remoteAddress: string;
}

/**
 * u16 domain, type and address type, then port and address of both ends. The one address type applies to both
 * addresses.
 */
export const socketExToken: TokenCodec<'socket_ex', SocketExValues> = {
  id: 0x7f,
  kind: 'socket_ex',
  read: cursor => {
    const domain = cursor.u16();
    const type = cursor.u16();
    const length = addressLength(cursor.u16());
    return {
      domain,
      type,
      localPort: cursor.u16(),
      localAddress: formatAddress(cursor.view(length)),
      remotePort: cursor.u16(),
      remoteAddress: formatAddress(cursor.view(length)),
    };
  },
  write: (writer, { domain, type, localPort, localAddress, remotePort, remoteAddress }) => {
    const local = parseAddress(localAddress);
    const remote = parseAddress(remoteAddress);
    if (local.length !== remote.length) {
      throw new RangeError(`${localAddress} and ${remoteAddress}: expected addresses of one family`);
    }
    prefixedHex16.write(writer, domain);
    prefixedHex16.write(writer, type);
    writer.u16(local.length === AU_IPv4 ? 4 : 16);
    prefixedHex16.write(writer, localPort);
    writer.bytes(local);
    prefixedHex16.write(writer, remotePort);
    writer.bytes(remote);
  },
  print: ({ domain, type, localPort, localAddress, remotePort, remoteAddress }) => [
    ...prefixedHex16.print(domain),
    ...prefixedHex16.print(type),
    ...prefixedHex16.print(localPort),
    localAddress,
    ...prefixedHex16.print(remotePort),
    remoteAddress,
  ],
};

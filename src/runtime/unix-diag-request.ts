const AF_UNIX = 1;

/** struct unix_diag_req and struct unix_diag_msg. Source: linux/unix_diag.h. */
const REQUEST_BYTES = 24;
/** Offset of the inode number in a request. */
export const UNIX_DIAG_INODE_AT = 8;
const MESSAGE_BYTES = 16;
const UDIAG_SHOW_PEER = 4;
const UNIX_DIAG_PEER = 2;
const ATTRIBUTE_HEADER_BYTES = 4;

/** Asks for the socket with an inode number, and for the one that it is connected to. */
export const encodeUnixDiagRequest = (inode: number): Uint8Array => {
  const request = Buffer.alloc(REQUEST_BYTES);
  request[0] = AF_UNIX;
  request.writeUInt32LE(0xffffffff, 4);
  request.writeUInt32LE(inode, UNIX_DIAG_INODE_AT);
  request.writeUInt32LE(UDIAG_SHOW_PEER, 12);
  // For any cookie.
  request.fill(0xff, 16);
  return request;
};

/** @returns inode number of the other end; undefined if the answer does not say */
export const parseUnixDiagPeer = (bytes: Uint8Array): number | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = MESSAGE_BYTES; at + ATTRIBUTE_HEADER_BYTES <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > bytes.length) return undefined;
    const isPeer = view.getUint16(at + 2, true) === UNIX_DIAG_PEER;
    if (isPeer && length >= ATTRIBUTE_HEADER_BYTES + 4)
      return view.getUint32(at + ATTRIBUTE_HEADER_BYTES, true);
    at += (length + 3) & ~3;
  }
  return undefined;
};

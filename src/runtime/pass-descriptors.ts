import { addressOf, errno, libc } from './libc.ts';

/** Passes descriptors from process to process over a UNIX socket (SCM_RIGHTS). Layouts: those of Linux with 64 bits. */

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x4000_0000;

/** struct msghdr: name, namelen, iov, iovlen, control, controllen, flags. */
const MSGHDR_BYTES = 56;
const MSGHDR = { iov: 16, iovCount: 24, control: 32, controlBytes: 40 } as const;
const IOVEC_BYTES = 16;
/** struct cmsghdr: len, level, type. */
const CMSGHDR_BYTES = 16;
/** The most that the kernel passes at once (SCM_MAX_FD). */
const MAX_DESCRIPTORS = 253;
const MESSAGE_BYTES = 16_384;

interface Message {
  readonly header: Buffer;
  readonly content: Buffer;
  readonly control: Buffer;
  readonly iovec: Buffer;
}

const message = (contentBytes: number, controlBytes: number): Message => {
  const fixed = (bytes: number): Buffer => Buffer.from(new ArrayBuffer(bytes));
  const [header, content, control, iovec] = [
    fixed(MSGHDR_BYTES),
    fixed(contentBytes),
    fixed(controlBytes),
    fixed(IOVEC_BYTES),
  ] as const;
  iovec.writeBigUInt64LE(addressOf(content), 0);
  iovec.writeBigUInt64LE(BigInt(contentBytes), 8);
  header.writeBigUInt64LE(addressOf(iovec), MSGHDR.iov);
  header.writeBigUInt64LE(1n, MSGHDR.iovCount);
  header.writeBigUInt64LE(addressOf(control), MSGHDR.control);
  header.writeBigUInt64LE(BigInt(controlBytes), MSGHDR.controlBytes);
  return { header, content, control, iovec };
};

/**
 * Sends a text with descriptors, which the receiver gets duplicates of.
 *
 * @returns 0, or an errno
 */
export const sendDescriptors = (fd: number, text: string, descriptors: readonly number[]): number => {
  const bytes = Buffer.from(text);
  const length = CMSGHDR_BYTES + 4 * descriptors.length;
  const { header, content, control } = message(
    bytes.length,
    descriptors.length === 0 ? 0 : (length + 7) & ~7,
  );
  bytes.copy(content);
  if (descriptors.length > 0) {
    control.writeBigUInt64LE(BigInt(length), 0);
    control.writeInt32LE(SOL_SOCKET, 8);
    control.writeInt32LE(SCM_RIGHTS, 12);
    for (const [i, descriptor] of descriptors.entries())
      control.writeInt32LE(descriptor, CMSGHDR_BYTES + 4 * i);
  }
  const sendmsg: (fd: number, header: Uint8Array, flags: number) => number = libc.func(
    'long sendmsg(int fd, void *header, int flags)',
  );
  return sendmsg(fd, header, MSG_NOSIGNAL) < 0 ? errno() : 0;
};

export interface ReceivedDescriptors {
  /** '' at the end of the connection. */
  readonly text: string;
  /** Closed at an exec. */
  readonly descriptors: readonly number[];
}

/**
 * Receives what `sendDescriptors` has sent, without waiting.
 *
 * @returns an errno if there is nothing (EAGAIN), or the connection is broken
 */
export const receiveDescriptors = (fd: number): ReceivedDescriptors | number => {
  const { header, content, control } = message(MESSAGE_BYTES, CMSGHDR_BYTES + 4 * MAX_DESCRIPTORS + 4);
  const recvmsg: (fd: number, header: Uint8Array, flags: number) => number = libc.func(
    'long recvmsg(int fd, void *header, int flags)',
  );
  const received = Number(recvmsg(fd, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
  if (received < 0) return errno();
  const hasControl = Number(header.readBigUInt64LE(MSGHDR.controlBytes)) >= CMSGHDR_BYTES;
  const isRights =
    hasControl && control.readInt32LE(8) === SOL_SOCKET && control.readInt32LE(12) === SCM_RIGHTS;
  const end = isRights ? Number(control.readBigUInt64LE(0)) : CMSGHDR_BYTES;
  const descriptors: number[] = [];
  for (let at = CMSGHDR_BYTES; at + 4 <= end; at += 4) descriptors.push(control.readInt32LE(at));
  return { text: content.toString('utf8', 0, received), descriptors };
};

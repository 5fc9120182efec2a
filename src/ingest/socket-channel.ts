import { constants } from 'node:os';
import {
  close,
  errno,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  recv,
  send,
  waitReadable,
} from '../runtime/socket-calls.ts';
import type { LookChannel } from './image-looks.ts';

const { EINTR, EAGAIN } = constants.errno;

const PIECE_BYTES = 65_536;

/** A channel over a connected stream socket, which it closes. */
export const socketChannel = (fd: number): LookChannel => {
  const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
  const isLater = (): boolean => [EINTR, EAGAIN].includes(errno());
  return {
    send(bytes) {
      const sent = send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent >= 0) return sent;
      return isLater() ? 0 : undefined;
    },
    receive() {
      const pieces: Buffer[] = [];
      for (;;) {
        const received = recv(fd, piece, PIECE_BYTES, MSG_DONTWAIT);
        if (received > 0) pieces.push(Buffer.from(piece.subarray(0, received)));
        // What came before the end is taken first.
        else if (received === 0 || !isLater()) return pieces.length > 0 ? Buffer.concat(pieces) : undefined;
        else return Buffer.concat(pieces);
        if (received < PIECE_BYTES) return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
      }
    },
    wait(milliseconds) {
      waitReadable(fd, milliseconds);
    },
    close() {
      close(fd);
    },
  };
};

import * as libc from '../../runtime/socket-calls.ts';
import { UnixDiag } from '../../runtime/unix-diag.ts';
import { AskingThread } from './asking-thread.ts';

/** struct ucred: pid, uid and gid, of 32 bits each. */
const UCRED_WORDS = 3;

/** Linux only. @returns undefined if the kernel has no sock_diag */
export const openAskingThread = ():
  | { readonly asking: AskingThread; readonly close: () => void }
  | undefined => {
  let diag: UnixDiag;
  try {
    diag = new UnixDiag();
  } catch {
    return undefined;
  }
  const asking = new AskingThread({
    processOf: fd => libc.socketOption(fd, libc.SO_PEERCRED, UCRED_WORDS)?.[0],
    peerOf: inode => diag.peerOf(inode),
  });
  return {
    asking,
    close: () => {
      asking.close();
      diag.close();
    },
  };
};

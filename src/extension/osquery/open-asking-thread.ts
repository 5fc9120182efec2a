import { UnixDiag } from '../../runtime/unix-diag.ts';
import { AskingThread, type AskingThreadOptions } from './asking-thread.ts';
import type { Clients } from './clients.ts';

/**
 * Linux only.
 *
 * @returns undefined if the kernel has no sock_diag
 */
export const openAskingThread = (
  clients: Clients,
  { marks }: Pick<AskingThreadOptions, 'marks'>,
): { readonly asking: AskingThread; readonly close: () => void } | undefined => {
  let diag: UnixDiag;
  try {
    diag = new UnixDiag();
  } catch {
    return undefined;
  }
  const asking = new AskingThread({
    processOf: fd => clients.processOf(fd),
    peerOf: inode => diag.peerOf(inode),
    marks,
  });
  return {
    asking,
    close: () => {
      asking.close();
      diag.close();
    },
  };
};

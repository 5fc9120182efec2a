import type { AccountsRequest, SeenAccounts } from '../accounts/look-at-accounts.ts';
import type { ContainerDetails, ContainerRequest } from '../container/container-details.ts';
import type { HashCounters, HashFinding, HashRequest } from './file-hasher.ts';

/** Messages between the Event Model and the process that hashes for it: JSON lines. */

/** Tells whether a pid still belongs to the same process. */
export interface ProcessStart {
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  /** Known only by an exec: the process is older than that. */
  readonly byExec: boolean;
}

export type LookQuestion =
  | {
      readonly id: number;
      readonly kind: 'digest';
      readonly request: Omit<HashRequest, 'isSame'>;
      readonly start: ProcessStart;
      /** Not if the file is on a file system of a user, or of the network. */
      readonly localOnly?: boolean;
    }
  /** The arguments of a process that runs. */
  | { readonly id: number; readonly kind: 'argv'; readonly pid: number }
  /** Accounts as a process sees them. */
  | {
      readonly id: number;
      readonly kind: 'accounts';
      readonly request: AccountsRequest;
      readonly localOnly?: boolean;
    }
  /** What the files of a container's runtime contain about it. */
  | { readonly id: number; readonly kind: 'container'; readonly request: ContainerRequest }
  /** What the runtime answers on its socket. */
  | { readonly id: number; readonly kind: 'runtime'; readonly request: ContainerRequest };

export type LookReply =
  /** The look of a question begins: if nothing more is heard, it hangs there. */
  | { readonly begins: number; readonly foreign: boolean }
  | { readonly id: number; readonly finding: HashFinding | undefined; readonly counters: HashCounters }
  /** It was not looked at, because it is not on a local file system. */
  | { readonly id: number; readonly refused: true }
  /** The arguments, and what the process runs; undefined if it has ended, or has none. */
  | { readonly id: number; readonly argv: readonly string[] | undefined; readonly path: string | undefined }
  | { readonly id: number; readonly accounts: SeenAccounts | undefined }
  | { readonly id: number; readonly container: ContainerDetails | undefined }
  /** Sign of life. */
  | { readonly alive: true };

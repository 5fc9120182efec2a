import type { ImageTimes } from '../events/event-table.ts';

/** Messages between the ingest thread and the process that looks at images for it: JSON lines. */

/** A batch of questions. */
export interface ImageQuestions {
  readonly batch: number;
  /** Whether to report the beginning of each look, so that it is known which one hangs. */
  readonly careful: boolean;
  readonly questions: readonly ImageQuestion[];
}

export interface ImageQuestion {
  readonly path: string;
  /** The path is looked for in this process's root, and in ours. */
  readonly pid: number;
  /** The files that the event recorded, as `inode` and `dev`. */
  readonly files: readonly (readonly [inode: string | undefined, dev: string | undefined])[];
  /** Files on file systems of users or of the network must not be looked at. */
  readonly localOnly?: boolean;
}

/**
 * The number of a question in its batch, and what was found: nothing, or times, and a version if the file is
 * certainly the right one. null: it was not looked at, because it is not on a local file system.
 */
export type ImageAnswer =
  | readonly [index: number]
  | readonly [index: number, refused: null]
  | readonly [index: number, times: ImageTimes]
  | readonly [index: number, times: ImageTimes, key: string, ctimeMs: number];

export type ImageReply =
  /** The look of a question begins. */
  | { readonly batch: number; readonly begins: number; readonly foreign: boolean }
  | { readonly batch: number; readonly answers: readonly ImageAnswer[] };

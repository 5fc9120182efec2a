import type { ImageTimes } from '../events/event-table.ts';

/*
 * What the ingest thread and the process that looks at images for it tell each other: JSON lines.
 */

/** A batch of questions. */
export interface ImageQuestions {
  readonly batch: number;
  /** Whether to say of each question that its turn has come, so that it is known which one hangs. */
  readonly careful: boolean;
  readonly questions: readonly ImageQuestion[];
}

export interface ImageQuestion {
  readonly path: string;
  /** Where the path is looked for: in this process's root as well as in ours. */
  readonly pid: number;
  /** The files that the event recorded, as `inode` and `dev`. */
  readonly files: readonly (readonly [inode: string | undefined, dev: string | undefined])[];
  /** Nothing of a user's file system, or of the network's, is to be looked at. */
  readonly localOnly?: boolean;
}

/**
 * The number of a question in its batch, and what was found: nothing, or times, and a version if the file is surely the one.
 * null: it was not looked at, because it is not on a local file system.
 */
export type ImageAnswer =
  | readonly [index: number]
  | readonly [index: number, refused: null]
  | readonly [index: number, times: ImageTimes]
  | readonly [index: number, times: ImageTimes, key: string, ctimeMs: number];

export type ImageReply =
  /** The turn of a question has come. */
  | { readonly batch: number; readonly begins: number; readonly foreign: boolean }
  | { readonly batch: number; readonly answers: readonly ImageAnswer[] };

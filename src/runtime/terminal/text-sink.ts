/** Writes text to a stream at the speed of its reader. */

import type { Writable } from 'node:stream';
import { CodedError } from '../coded-error.ts';

/** The reader closed its end, as `head` does when it has read enough. */
export class OutputClosedError extends CodedError<'output-closed'> {
  override readonly name = 'OutputClosedError';
  constructor() {
    super('output-closed', 'the reader of the output has gone');
  }
}

export interface TextSink {
  /** Resolves when more may be written; rejects with OutputClosedError when nobody reads any more. */
  readonly write: (text: string) => Promise<void>;
}

export const createTextSink = (stream: Writable): TextSink => {
  let closed = false;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const resume of [...waiting]) resume();
    waiting.clear();
  };
  stream.on('error', () => {
    closed = true;
    wake();
  });
  stream.on('close', () => {
    closed = true;
    wake();
  });
  stream.on('drain', wake);
  return {
    write: async text => {
      if (closed) throw new OutputClosedError();
      if (text === '') return;
      if (!stream.write(text)) {
        await new Promise<void>(resolve => waiting.add(resolve));
        if (closed) throw new OutputClosedError();
      }
    },
  };
};

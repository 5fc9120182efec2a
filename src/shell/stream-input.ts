/** Takes statements from a stream that is no terminal. Each runs as soon as it is complete. */
import type { Readable } from 'node:stream';
import type { Session } from './session.ts';
import { type StatementInput, StatementSplitter } from './statement-splitter.ts';

/** Resolves with true when nothing failed, at the end of the stream, at `.exit`, or when `signal` fires. */
export const runStream = async (
  session: Session,
  stream: Readable,
  signal: AbortSignal,
): Promise<boolean> => {
  const splitter = new StatementSplitter();
  let succeeded = true;
  const run = async (inputs: readonly StatementInput[]): Promise<'more' | 'exit'> => {
    for (const input of inputs) {
      if (signal.aborted) return 'exit';
      const outcome = await session.handle(input);
      if (outcome === 'exit' || outcome === 'interrupted') return 'exit';
      if (outcome === 'failed') {
        succeeded = false;
        // A text that is too long is most likely not SQL, and neither is the rest of it.
        if (session.settings.bail || input.kind === 'tooLong') return 'exit';
      }
    }
    return 'more';
  };
  const onAbort = (): void => {
    session.interrupt();
    stream.destroy();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  stream.setEncoding('utf8');
  try {
    for await (const chunk of stream) {
      if ((await run(splitter.push(chunk as string))) === 'exit') return succeeded;
    }
    await run(splitter.finish());
  } catch (error) {
    // A stream that was destroyed ends with this error.
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  return succeeded;
};

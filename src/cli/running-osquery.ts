import { OutputClosedError } from '../runtime/terminal/text-sink.ts';
import { EndingSignals, STATUS_SIGPIPE } from '../shell/ending-signals.ts';
import type { SqlSource } from '../shell/sql-source.ts';

/**
 * Does work on a running osquery; resolves with its exit status, or that of a signal that ended it. Its queries have no
 * name, so no cursor of a scheduled query moves.
 */
export const onRunningOsquery = async (
  socketPath: string,
  work: (source: SqlSource, signal: AbortSignal) => Promise<number>,
): Promise<number> => {
  const { ExtensionManagerClient } = await import('osquery-extension-ts');
  await using client = new ExtensionManagerClient({ socketPath });
  const signals = new EndingSignals();
  try {
    const status = await work(
      {
        query: (sql, signal) => client.query(sql, signal === undefined ? {} : { signal }),
        columns: sql => client.getQueryColumns(sql),
      },
      signals.ending,
    );
    return signals.status ?? status;
  } catch (error) {
    if (error instanceof OutputClosedError) return STATUS_SIGPIPE;
    if (signals.status !== undefined) return signals.status;
    throw error;
  } finally {
    signals.close();
  }
};

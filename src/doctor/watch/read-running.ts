import { ExtensionManagerClient, isOsqueryError, type PluginRow } from 'osquery-extension-ts';

/** What the extension says about itself. */
export interface RunningFacts {
  /** The row of audit_status. */
  readonly status: PluginRow;
  /** The rows of audit_losses. */
  readonly losses: readonly PluginRow[];
}

const TIMEOUT_MS = 5_000;

/** Asks the extension of a running osquery; undefined if that does not answer, or has no extension of ours. */
export const readRunning = async (socketPath: string): Promise<RunningFacts | undefined> => {
  try {
    await using client = new ExtensionManagerClient({ socketPath, timeoutMs: TIMEOUT_MS });
    const [status] = await client.query('SELECT * FROM audit_status');
    if (status === undefined) return undefined;
    return { status, losses: await client.query('SELECT * FROM audit_losses') };
  } catch (error) {
    if (isOsqueryError(error)) return undefined;
    throw error;
  }
};

import type { AuditSettings } from '../flags/audit-settings.ts';
import { AUDIT_PIPE } from '../openbsm/audit-pipe.ts';
import type { EventSource, LiveOptions } from './event-source.ts';
import { Ingest, IngestError, type IngestHandlers, type IngestOptions } from './ingest.ts';
import type { IngestSource } from './ingest-messages.ts';
import type { ReplayTimes } from './replay/replay-times.ts';

/**
 * Starts reading this system's audit: the kernel's on Linux, OpenBSM on macOS.
 *
 * @throws AuditError or IngestError with a message for the operator; then audit is as it was found
 */
export const openLiveSource = async (
  settings: AuditSettings,
  handlers: IngestHandlers,
  options: LiveOptions = {},
  platform: NodeJS.Platform = process.platform,
): Promise<EventSource> => {
  switch (platform) {
    case 'linux':
      return openKernelSource(settings, handlers, options);
    case 'darwin':
      return openAuditPipeSource(settings, handlers, options);
    default:
      throw new IngestError(
        'unsupported',
        `audit events need Linux or macOS, and this is ${platform}: read recorded ones instead, with --replay FILE`,
      );
  }
};

/**
 * Starts reading kernel audit. Its modules exist on Linux only, so they are loaded here.
 *
 * @throws AuditError or IngestError with a message for the operator; then audit is as it was found
 */
export const openKernelSource = async (
  settings: AuditSettings,
  handlers: IngestHandlers,
  options: LiveOptions = {},
): Promise<EventSource> => {
  const kernel = await import('./kernel-source.ts');
  return kernel.openKernelSource(settings, handlers, options);
};

/**
 * Starts reading the audit pipe of macOS. audit_control(5) decides what is audited; this does not change it.
 *
 * @param device another device, for tests; on any platform it counts as the pipe
 * @throws IngestError with a message for the operator
 */
export const openAuditPipeSource = (
  settings: AuditSettings,
  handlers: IngestHandlers,
  options: IngestOptions = {},
  device?: string,
): Promise<EventSource> =>
  openSource({
    mode: 'openbsm',
    source: {
      kind: 'auditpipe',
      path: device ?? AUDIT_PIPE,
      platform: device === undefined ? process.platform : 'darwin',
    },
    settings,
    handlers,
    options,
  });

export interface ReplaySourceOptions extends IngestOptions {
  readonly times?: ReplayTimes | undefined;
  /** Ends the reading early: the events read so far are all there are. */
  readonly enough?: AbortSignal | undefined;
}

/**
 * Reads recorded files to their end.
 *
 * @throws IngestError if one of them cannot be read
 */
export const openReplaySource = (
  paths: readonly string[],
  settings: AuditSettings,
  handlers: IngestHandlers,
  { times, enough, ...options }: ReplaySourceOptions = {},
): Promise<EventSource> =>
  openSource({
    mode: 'replay',
    source: { kind: 'replay', paths, times },
    settings,
    handlers,
    options,
    enough,
  });

interface SourceStart {
  readonly mode: EventSource['mode'];
  readonly source: IngestSource;
  readonly settings: AuditSettings;
  readonly handlers: IngestHandlers;
  readonly options: IngestOptions;
  /** Ends the reading early. */
  readonly enough?: AbortSignal | undefined;
}

/** A source that the worker reads directly. */
const openSource = async (start: SourceStart): Promise<EventSource> => {
  const { mode, source, settings, handlers, options, enough } = start;
  const ingest = new Ingest(source, settings, handlers, options);
  const end = (): void => void ingest.stop();
  enough?.addEventListener('abort', end);
  if (enough?.aborted === true) end();
  await ingest.ready;
  enough?.removeEventListener('abort', end);
  return {
    ingest,
    mode,
    kernelLostBefore: 0,
    setSettings: async next => ingest.setSettings(next),
    status: async () => ({ mode, kernel: undefined, rules: undefined }),
    close: () => ingest.stop(),
  };
};

import { type AuditControl, openAuditControl } from '../audit/control.ts';
import type { RuleSelection } from '../audit/rules.ts';
import { AuditSession, type SessionOptions, type StreamMode } from '../audit/session.ts';
import type { AuditStatus } from '../audit/status.ts';
import { nativeArchitectures } from '../audit/syscalls.ts';
import type { AuditSettings } from '../flags/audit-settings.ts';
import { Ingest, IngestError, type IngestHandlers } from './ingest.ts';

export interface SourceStatus {
  readonly mode: EventSource['mode'];
  /** undefined where no kernel audit is read. */
  readonly kernel: AuditStatus | undefined;
  /** The kernel's `lost` at the start. */
  readonly kernelLostBefore: number;
  /** Rules in the kernel, ours and others'. */
  readonly rules: number | undefined;
}

/** Where events come from: the kernel's audit, or recorded files. */
export interface EventSource {
  readonly ingest: Ingest;
  readonly mode: StreamMode | 'replay';
  setSettings(settings: AuditSettings): Promise<void>;
  status(): Promise<SourceStatus>;
  /** Takes what is still waiting and puts audit back as it was found. Any number of times. */
  close(): Promise<void>;
}

/**
 * Starts reading kernel audit.
 *
 * @throws AuditError or IngestError with a message for the operator; audit is as it was found then
 */
export const openKernelSource = async (
  settings: AuditSettings,
  handlers: IngestHandlers,
  processes = false,
): Promise<EventSource> => {
  const control = openAuditControl();
  try {
    return await startSession(control, settings, handlers, settings.mode, processes);
  } catch (error) {
    control.close();
    throw error;
  }
};

const startSession = async (
  control: AuditControl,
  settings: AuditSettings,
  handlers: IngestHandlers,
  mode: AuditSettings['mode'],
  processes: boolean,
): Promise<EventSource> => {
  const session = await AuditSession.open(
    control,
    nativeArchitectures(process.arch),
    sessionOptions(settings, mode),
  );
  let ingest: Ingest | undefined;
  try {
    await session.prepare();
    ingest = new Ingest(
      { kind: 'kernel', mode: session.mode, receiveBuffer: settings.limits.receiveBufferBytes },
      settings,
      handlers,
      processes,
    );
    await ingest.ready;
    await session.enable();
  } catch (error) {
    await ingest?.stop();
    await session.restore();
    // Somebody took the stream between our look and our request.
    if (error instanceof IngestError && error.code === 'owned' && mode === 'auto') {
      return startSession(control, settings, handlers, 'multicast', processes);
    }
    throw error;
  }
  for (const warning of session.warnings) handlers.onWarning(warning);

  const running = ingest;
  let current = settings;
  let closing: Promise<void> | undefined;
  return {
    ingest: running,
    mode: session.mode,
    async setSettings(next) {
      const changed = JSON.stringify(selectionOf(next)) !== JSON.stringify(selectionOf(current));
      current = next;
      running.setSettings(next);
      if (changed) await session.select(selectionOf(next));
    },
    status: async () => ({
      mode: session.mode,
      kernel: await control.getStatus(),
      kernelLostBefore: session.found.lost,
      rules: (await control.listRules()).length,
    }),
    close() {
      closing ??= (async () => {
        try {
          await session.restore();
        } finally {
          await running.stop();
          control.close();
        }
      })();
      return closing;
    },
  };
};

/**
 * Reads recorded files to their end.
 *
 * @throws IngestError if one of them cannot be read
 */
export const openReplaySource = async (
  paths: readonly string[],
  settings: AuditSettings,
  handlers: IngestHandlers,
  processes = false,
): Promise<EventSource> => {
  const ingest = new Ingest({ kind: 'replay', paths }, settings, handlers, processes);
  await ingest.ready;
  return {
    ingest,
    mode: 'replay',
    setSettings: async () => {},
    status: async () => ({ mode: 'replay', kernel: undefined, kernelLostBefore: 0, rules: undefined }),
    close: () => ingest.stop(),
  };
};

const sessionOptions = (settings: AuditSettings, mode: AuditSettings['mode']): SessionOptions => ({
  mode,
  allowConfig: settings.allowConfig,
  forceReconfigure: settings.forceReconfigure,
  forceUnconfigure: settings.forceUnconfigure,
  backlogLimit: settings.backlogLimit,
  backlogWaitTime: settings.backlogWaitTime,
  selection: selectionOf(settings),
});

const selectionOf = (settings: AuditSettings): RuleSelection => ({
  processEvents: settings.allowProcessEvents,
  forkProcessEvents: settings.allowForkProcessEvents,
  killProcessEvents: settings.allowKillProcessEvents,
  sockets: settings.allowSockets,
  acceptSocketEvents: settings.allowAcceptSocketEvents,
  failedSocketEvents: settings.allowFailedSocketEvents,
  nullAcceptSocketEvents: settings.allowNullAcceptSocketEvents,
});

import { type AuditControl, openAuditControl } from '../audit/control/control.ts';
import { removedRulesIn } from '../audit/control/removed-rules.ts';
import type { RuleSelection } from '../audit/control/rules.ts';
import { AuditSession, type SessionOptions } from '../audit/control/session.ts';
import { nativeArchitectures } from '../audit/syscalls.ts';
import type { AuditSettings } from '../flags/audit-settings.ts';
import { AuditKeeper } from './audit-keeper.ts';
import type { InheritedSocket } from './bridge/inherited-socket.ts';
import type { EventSource, LiveOptions } from './event-source.ts';
import { Ingest, IngestError, type IngestHandlers, type IngestOptions } from './ingest.ts';

/**
 * Starts reading kernel audit.
 *
 * @throws AuditError or IngestError with a message for the operator; audit is as it was found then
 */
export const openKernelSource = async (
  settings: AuditSettings,
  handlers: IngestHandlers,
  { inherited, ...options }: LiveOptions = {},
): Promise<EventSource> => {
  const control = openAuditControl();
  try {
    return await startSession(control, settings, handlers, settings.mode, options, inherited);
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
  options: IngestOptions,
  inherited: InheritedSocket | undefined,
): Promise<EventSource> => {
  const session = await AuditSession.open(control, nativeArchitectures(process.arch), {
    ...sessionOptions(settings, mode),
    previousOwnerPid: inherited?.ownerPid,
  });
  let ingest: Ingest | undefined;
  let keeper: AuditKeeper | undefined;
  const warnOf = (error: unknown): void => handlers.onWarning(String(error));
  try {
    await session.prepare();
    ingest = new Ingest(
      {
        kind: 'kernel',
        mode: session.mode,
        receiveBuffer: settings.limits.receiveBufferBytes,
        inheritedFd: inherited?.fd,
      },
      settings,
      {
        ...handlers,
        onConfigChange: () => keeper?.configChanged(),
        onWanted: pid => void keeper?.wanted(pid).catch(warnOf),
      },
      options,
    );
    await ingest.ready;
    await session.enable();
  } catch (error) {
    await ingest?.stop();
    await session.restore();
    // Somebody took the stream between our look and our request.
    if (error instanceof IngestError && error.code === 'owned' && mode === 'auto') {
      return startSession(control, settings, handlers, 'multicast', options, undefined);
    }
    throw error;
  }
  for (const warning of session.warnings) handlers.onWarning(warning);

  const running = ingest;
  let current = settings;
  let closing: Promise<void> | undefined;
  const watching = new AuditKeeper({
    control,
    session,
    ingest: running,
    wantsStream: settings.mode !== 'multicast',
    persist: () => current.persist,
    warn: handlers.onWarning,
    tell: handlers.onNotice ?? handlers.onWarning,
  });
  keeper = watching;
  watching.start();
  return {
    ingest: running,
    get mode() {
      return session.mode;
    },
    kernelLostBefore: session.found.lost,
    async setSettings(next) {
      const changed = JSON.stringify(selectionOf(next)) !== JSON.stringify(selectionOf(current));
      current = next;
      running.setSettings(next);
      if (changed) await session.select(selectionOf(next));
    },
    status: async () => ({
      mode: session.mode,
      kernel: await control.getStatus(),
      rules: (await control.listRules()).length,
    }),
    close(how = 'restore') {
      closing ??= (async () => {
        try {
          await watching.close();
          if (how === 'restore') await session.restore();
        } finally {
          await running.stop({ leave: how === 'leave' });
          control.close();
        }
      })();
      return closing;
    },
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
  removedRules: removedRulesIn(),
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

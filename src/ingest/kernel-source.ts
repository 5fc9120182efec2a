import { type AuditControl, openAuditControl } from '../audit/control/control.ts';
import { removedRulesIn } from '../audit/control/removed-rules.ts';
import type { RuleSelection } from '../audit/control/rules.ts';
import { AuditSession, type SessionOptions } from '../audit/control/session.ts';
import { nativeArchitectures } from '../audit/syscalls.ts';
import type { AuditSettings } from '../flags/audit-settings.ts';
import { AuditKeeper } from './audit-keeper.ts';
import type { InheritedSocket } from './bridge/inherited-socket.ts';
import type { EventSource, LiveOptions, SourceStatus } from './event-source.ts';
import { Ingest, IngestError, type IngestHandlers, type IngestOptions } from './ingest.ts';
import { Watching } from './watching.ts';

/**
 * Starts reading kernel audit.
 *
 * @throws AuditError or IngestError with a message for the operator; then audit is as it was found
 */
export const openKernelSource = async (
  settings: AuditSettings,
  handlers: IngestHandlers,
  { inherited, ...options }: LiveOptions = {},
): Promise<EventSource> => {
  const control = openAuditControl();
  try {
    return await startSession({ control, settings, handlers, options, mode: settings.mode, inherited });
  } catch (error) {
    control.close();
    throw error;
  }
};

interface KernelStart {
  readonly control: AuditControl;
  readonly settings: AuditSettings;
  readonly handlers: IngestHandlers;
  readonly options: IngestOptions;
  readonly mode: AuditSettings['mode'];
  readonly inherited: InheritedSocket | undefined;
}

const startSession = async (start: KernelStart): Promise<EventSource> => {
  const { control, settings, handlers, options, mode, inherited } = start;
  const watching = new Watching(handlers.onWarning);
  const session = await AuditSession.open(control, nativeArchitectures(process.arch), {
    ...sessionOptions(settings, mode, await watching.selectionOf(settings)),
    previousOwnerPid: inherited?.ownerPid,
  });
  let ingest: Ingest | undefined;
  let keeper: AuditKeeper | undefined;
  const warnOf = (error: unknown): void => handlers.onWarning(String(error));
  try {
    await session.prepare();
    const { receiveBufferBytes: receiveBuffer } = settings.limits;
    ingest = new Ingest(
      { kind: 'kernel', mode: session.mode, receiveBuffer, inheritedFd: inherited?.fd },
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
    // Another process took the stream between our check and our request.
    if (error instanceof IngestError && error.code === 'owned' && mode === 'auto') {
      return startSession({ ...start, mode: 'multicast', inherited: undefined });
    }
    throw error;
  }
  for (const warning of session.warnings) handlers.onWarning(warning);
  watching.tellOf(session);
  const source = new KernelSource({ control, session, ingest, settings, handlers, watching });
  keeper = source.keeper;
  return source;
};

/** Kernel audit while it is being read. */
class KernelSource implements EventSource {
  readonly ingest: Ingest;
  readonly keeper: AuditKeeper;
  readonly kernelLostBefore: number;
  readonly #control: AuditControl;
  readonly #session: AuditSession;
  readonly #watching: Watching;
  #settings: AuditSettings;
  #closing: Promise<void> | undefined;

  constructor(parts: {
    readonly control: AuditControl;
    readonly session: AuditSession;
    readonly ingest: Ingest;
    readonly settings: AuditSettings;
    readonly handlers: IngestHandlers;
    readonly watching: Watching;
  }) {
    const { control, session, ingest, settings, handlers, watching } = parts;
    this.#watching = watching;
    this.#control = control;
    this.#session = session;
    this.#settings = settings;
    this.ingest = ingest;
    this.kernelLostBefore = session.found.lost;
    this.keeper = new AuditKeeper({
      control,
      session,
      ingest,
      wantsStream: settings.mode !== 'multicast',
      persist: () => this.#settings.persist,
      graceMs: () => this.#settings.limits.graceMilliseconds,
      warn: handlers.onWarning,
      tell: handlers.onNotice ?? handlers.onWarning,
    });
    this.keeper.start();
  }

  get mode(): EventSource['mode'] {
    return this.#session.mode;
  }

  async setSettings(next: AuditSettings): Promise<void> {
    this.#settings = next;
    this.ingest.setSettings(next);
    const before = this.#watching.selection;
    const selection = await this.#watching.selectionOf(next);
    if (JSON.stringify(selection) === JSON.stringify(before)) return;
    await this.#session.select(selection);
    this.#watching.tellOf(this.#session);
  }

  async status(): Promise<SourceStatus> {
    const fresh = this.ingest.freshCounters();
    const kernel = await this.#control.getStatus();
    await fresh;
    return {
      mode: this.mode,
      kernel,
      rules: (await this.#control.listRules()).length,
    };
  }

  close(how: 'restore' | 'leave' = 'restore'): Promise<void> {
    this.#closing ??= this.#close(how);
    return this.#closing;
  }

  async #close(how: 'restore' | 'leave'): Promise<void> {
    try {
      await this.keeper.close();
      if (how === 'restore') await this.#session.restore();
    } finally {
      await this.ingest.stop({ leave: how === 'leave' });
      this.#control.close();
    }
  }
}

const sessionOptions = (
  settings: AuditSettings,
  mode: AuditSettings['mode'],
  selection: RuleSelection,
): SessionOptions => ({
  mode,
  allowConfig: settings.allowConfig,
  forceReconfigure: settings.forceReconfigure,
  forceUnconfigure: settings.forceUnconfigure,
  backlogLimit: settings.backlogLimit,
  backlogWaitTime: settings.backlogWaitTime,
  selection,
  removedRules: removedRulesIn(),
});

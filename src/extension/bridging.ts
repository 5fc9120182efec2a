import type { ExtensionEnd } from 'osquery-extension-ts';
import type { AuditSettings } from '../flags/audit-settings.ts';
import type { Bridge, BridgeOptions } from '../ingest/bridge/bridge.ts';
import type { InheritedSocket } from '../ingest/bridge/inherited-socket.ts';
import type { ChangeableSource } from '../ingest/changeable-source.ts';
import { messageOf } from '../runtime/message-of.ts';
import type { OperatorLog } from './osquery/operator-log.ts';

/**
 * How to start this program to keep a bridge, given the audit socket's descriptor and its patience in milliseconds.
 */
export type BridgeKeeper = (fd: number, patienceMs: number) => BridgeOptions['keeper'];

/**
 * Ends an instance in order and leaves the audit socket to the next one: for an upgrade, after which osqueryd starts
 * that.
 */
export const HAND_OVER_SIGNAL = 'SIGUSR2';

/** The part of the source that is needed here. */
type BridgedSource = Pick<ChangeableSource, 'fd' | 'mode'>;

const NO_BRIDGE = 'events between a kill of this process and its next start are lost';

/** The audit socket that an instance takes over from the previous one, and leaves to the next. Linux only. */
export class Bridging {
  readonly #settings: AuditSettings;
  readonly #log: OperatorLog;
  /** The previous instance's socket, if that has just ended. */
  readonly inherited: InheritedSocket | undefined;
  #bridge: Bridge | undefined;
  #buildAgain: () => Promise<void> = async () => {};

  private constructor(settings: AuditSettings, log: OperatorLog, inherited: InheritedSocket | undefined) {
    this.#settings = settings;
    this.#log = log;
    this.inherited = inherited;
  }

  /** Must run before the state directory is opened: an instance that is ending may still hold its lock. */
  static async open(settings: AuditSettings, log: OperatorLog): Promise<Bridging> {
    if (settings.stateDirectory === '' || process.platform !== 'linux') {
      return new Bridging(settings, log, undefined);
    }
    const { inheritSocket } = await import('../ingest/bridge/inherited-socket.ts');
    return new Bridging(settings, log, await inheritSocket(settings.stateDirectory));
  }

  /**
   * Prepares for the end of this process.
   *
   * @param directory the state directory, locked by this process; undefined if no state is kept
   */
  async build(source: BridgedSource, directory: string | undefined, keeper: BridgeKeeper): Promise<void> {
    const patienceMs = this.#settings.limits.bridgeMilliseconds;
    const { fd } = source;
    if (directory === undefined || patienceMs === 0 || fd === undefined) return;
    this.#buildAgain = () => this.build(source, directory, keeper);
    try {
      const { Bridge, HELD_FD } = await import('../ingest/bridge/bridge.ts');
      this.#bridge = Bridge.build({
        directory,
        fd,
        keeper: keeper(HELD_FD, patienceMs),
        onBroken: () =>
          this.#log.warn(`${NO_BRIDGE}: the process that would hold the audit socket has ended`),
      });
    } catch (error) {
      this.#log.warn(`${NO_BRIDGE}: ${messageOf(error)}`);
    }
  }

  /** The state directory was deleted, including the file that tells the next instance about the bridge. */
  async rebuild(): Promise<void> {
    this.#bridge?.remove();
    await this.#buildAgain();
  }

  /**
   * How to close the source.
   *
   * @param end undefined if the end was not orderly
   */
  end(source: BridgedSource, end: ExtensionEnd | undefined): 'restore' | 'leave' {
    const isHandOver = end?.kind === 'signal' && end.reason === HAND_OVER_SIGNAL;
    const isLeft = isHandOver || (end !== undefined && this.#settings.bridgesStop);
    // While another process reads audit, the bridge's holder could not put it back.
    if (isLeft && this.#bridge?.stands === true && source.mode === 'unicast') return 'leave';
    this.remove();
    return 'restore';
  }

  /** From now on the socket ends with this process. */
  remove(): void {
    this.#bridge?.remove();
  }
}

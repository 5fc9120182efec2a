import { errnoName } from '../../audit/errors.ts';
import { messageOf } from '../../runtime/message-of.ts';
import type { Clock } from '../clock.ts';
import { eventMs, isoTime } from '../event-time.ts';
import type { ModelEvent } from '../model-event.ts';
import { type Ancestor, Ancestors } from '../process/ancestors.ts';
import type { ProcConnectorEvent } from '../process/cn-proc.ts';
import { type ConnectorState, createConnectorState } from '../process/connector-state.ts';
import type { Image } from '../process/image.ts';
import type { ProcessConnector } from '../process/process-connector.ts';
import { type ProcessNode, startTextOf } from '../process/process-node.ts';
import type { ProcessTree } from '../process/process-tree.ts';
import { type EventSource, eventSource } from '../source.ts';
import { wallOffset } from '../wall-offset.ts';

export interface ProcessTreeFields {
  /** When the process was created; with the pid it names the process for good. */
  readonly process_start_timestamp: string | undefined;
  /**
   * When the parent was created. Where neither its creation nor procfs could be seen, the time of its first exec
   * that was.
   */
  readonly parent_process_timestamp: string | undefined;
  readonly parent_process_pid: number | undefined;
  readonly parent_process_name: string | undefined;
  readonly parent_process_path: string | undefined;
  /** Cut to MAX_KEPT_COMMAND_LINE characters. */
  readonly parent_process_command_line: string | undefined;
  /** Who started it, the parent first, at most MAX_ANCESTORS. */
  readonly ancestors: readonly Ancestor[] | undefined;
  readonly process: ProcessNode;
  readonly process_image: Image;
  readonly parent: ProcessNode | undefined;
  readonly parent_image: Image | undefined;
}

/** The connector's socket is emptied this often when no event makes it necessary; its buffer holds seconds. */
const DRAIN_MS = 250;
/** How old the news may be for an exec of processes that are known. */
const FRESH_MS = 2;
/** How long the kernel's clock is compared with the wall clock once. */
const OFFSET_MS = 1000;
/** After an overflow, procfs is read again to find what was missed, at most this often. */
const RESYNC_MS = 5000;

export interface ProcessTreeSourceOptions {
  readonly tree: ProcessTree;
  readonly clock: Clock;
  /** Opens the kernel's process connector; undefined where forks come as events or not at all. */
  readonly openConnector?: (() => ProcessConnector) | undefined;
  /**
   * Whether forks come as events. They are not used while the connector runs: a fork that audit saw inside of a
   * container has the child's pid as the container sees it.
   */
  readonly forkEvents?: boolean;
  /** Is told what becomes of the connector. */
  readonly connector?: ConnectorState;
  /** What the tree looks at processes with. */
  readonly hasher?: { start(): void; close(): void };
}

/** Who started a process: parents are known by pid and start time, also after they ended. */
export const processTreeSource = (options: ProcessTreeSourceOptions): EventSource<ProcessTreeFields> => {
  const {
    tree,
    clock,
    openConnector,
    forkEvents = false,
    connector: state = createConnectorState(),
  } = options;
  const ancestors = new Ancestors(tree);
  let connector: ProcessConnector | undefined;
  // Until the kernel answers, nobody knows whether it will ever send anything.
  let listening = false;
  let cancelTimer: (() => void) | undefined;
  let seenOverruns = 0;
  let resyncAt = Number.NEGATIVE_INFINITY;
  let stopped = false;
  let offsetMs = 0;
  let offsetAt = Number.NEGATIVE_INFINITY;
  let drainedAt = Number.NEGATIVE_INFINITY;

  const take = (event: ProcConnectorEvent, wallOffsetMs: number): void => {
    switch (event.kind) {
      case 'fork':
        tree.fork(event.pid, event.parent, event.monotonicMs + wallOffsetMs, false);
        break;
      case 'exec':
        tree.executed(event.pid, event.monotonicMs + wallOffsetMs);
        break;
      case 'exit':
        tree.exit(event.pid, event.monotonicMs + wallOffsetMs);
        break;
      case 'reply':
        listening = event.error === 0;
        tree.seesForks = listening || forkEvents;
        state.error = listening ? undefined : `the process connector refused: ${errnoName(event.error)}`;
        break;
      case 'other':
        break;
    }
  };

  /** The wall clock can be set, so what the kernel's clock is compared with goes stale. */
  const toWallMs = (): number => {
    const now = clock.monotonicMs();
    if (now - offsetAt >= OFFSET_MS) {
      offsetMs = wallOffset(clock, () => Number(clock.monotonicNs()) / 1e6) ?? 0;
      offsetAt = now;
    }
    return offsetMs;
  };

  const drain = (): void => {
    if (connector === undefined) return;
    drainedAt = clock.monotonicMs();
    try {
      const wallOffsetMs = toWallMs();
      connector.drain(event => take(event, wallOffsetMs));
    } catch (error) {
      state.error = messageOf(error);
      closeConnector();
      return;
    }
    if (connector.counters.overruns !== seenOverruns) resync();
    state.overruns = connector.counters.overruns;
  };

  const resync = (): void => {
    const now = clock.monotonicMs();
    if (now - resyncAt < RESYNC_MS) return;
    resyncAt = now;
    seenOverruns = connector?.counters.overruns ?? 0;
    tree.resync(clock.wallMs()).catch((error: unknown) => {
      state.error = messageOf(error);
    });
  };

  const closeConnector = (): void => {
    connector?.close();
    connector = undefined;
    listening = false;
    tree.seesForks = forkEvents;
  };

  const tick = (): void => {
    drain();
    if (!stopped && connector !== undefined) cancelTimer = clock.after(DRAIN_MS, tick);
  };

  return eventSource<ProcessTreeFields>({
    name: 'process tree',
    provides: {
      process_start_timestamp: 'output',
      parent_process_timestamp: 'output',
      parent_process_pid: 'output',
      parent_process_name: 'output',
      parent_process_path: 'output',
      parent_process_command_line: 'output',
      ancestors: 'output',
      process: 'internal',
      process_image: 'internal',
      parent: 'internal',
      parent_image: 'internal',
    },
    needs: [],
    limits: { rests: false },

    async start() {
      tree.seesForks = forkEvents;
      options.hasher?.start();
      state.drain = drain;
      if (openConnector !== undefined) {
        try {
          connector = openConnector();
          state.error = "the process connector does not answer, as outside of the host's pid namespace";
          tick();
        } catch (error) {
          state.error = messageOf(error);
        }
      }
      // After the connector is open: a process that is started meanwhile is seen by one or the other.
      await tree.seed();
    },

    stop() {
      stopped = true;
      cancelTimer?.();
      closeConnector();
      options.hasher?.close();
    },

    observe(event: ModelEvent) {
      if (event.action === 'fork') {
        if (!listening && event.parent !== undefined)
          tree.fork(event.pid, event.parent, eventMs(event), true);
      } else if (event.action === 'exit') {
        tree.exit(event.pid, eventMs(event));
      }
    },

    resolve(event) {
      // Its own fork and exec, and its parent's, came before. News of exits can wait a little.
      if (!tree.isExpected(event, listening) || clock.monotonicMs() - drainedAt > FRESH_MS) drain();
      const { process, image, parent, parentImage } = tree.exec(event);
      return {
        // Not kept with it: most processes are asked for it once.
        process_start_timestamp: process.startKnown === 'exec' ? undefined : isoTime(process.startMs),
        parent_process_timestamp: parent && startTextOf(parent),
        parent_process_pid: process.parentPid,
        parent_process_name: parentImage?.name,
        parent_process_path: parentImage?.path,
        parent_process_command_line: parentImage?.commandLine,
        ancestors: parent && ancestors.ofChildOf(parent),
        process,
        process_image: image,
        parent,
        parent_image: parentImage,
      };
    },
  });
};

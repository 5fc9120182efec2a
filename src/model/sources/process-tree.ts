import { errnoName } from '../../audit/errors.ts';
import { messageOf } from '../../runtime/message-of.ts';
import type { Clock } from '../clock.ts';
import { eventMs, IsoTimes } from '../event-time.ts';
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

const PROVIDED: EventSource<ProcessTreeFields>['provides'] = {
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
};

/** Who started a process: parents are known by pid and start time, also after they ended. */
export const processTreeSource = (options: ProcessTreeSourceOptions): EventSource<ProcessTreeFields> => {
  const { tree, clock, hasher } = options;
  const times = new IsoTimes();
  const ancestors = new Ancestors(tree, times);
  const listener = new ConnectorListener(options);
  return eventSource<ProcessTreeFields>({
    name: 'process tree',
    provides: PROVIDED,
    needs: [],
    limits: { rests: false },

    async start() {
      hasher?.start();
      listener.start();
      // After the connector is open: a process that is started meanwhile is seen by one or the other.
      await tree.seed();
    },

    stop() {
      listener.stop();
      hasher?.close();
    },

    observe(event: ModelEvent) {
      if (event.action === 'fork') {
        if (!listener.isListening && event.parent !== undefined) {
          tree.fork(event.pid, event.parent, eventMs(event), true);
        }
      } else if (event.action === 'exit') {
        tree.exit(event.pid, eventMs(event));
      }
    },

    resolve(event) {
      // Its own fork and exec, and its parent's, came before. News of exits can wait a little.
      const isStale = clock.monotonicMs() - listener.drainedAt > FRESH_MS;
      if (!tree.isExpected(event, listener.isListening) || isStale) listener.drain();
      const { process, image, parent, parentImage } = tree.exec(event);
      return {
        // Not kept with it: most processes are asked for it once.
        process_start_timestamp: process.startKnown === 'exec' ? undefined : times.of(process.startMs),
        parent_process_timestamp: parent && startTextOf(parent, times),
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

/** Tells the tree what the kernel's process connector sees. */
class ConnectorListener {
  readonly #tree: ProcessTree;
  readonly #clock: Clock;
  readonly #openConnector: (() => ProcessConnector) | undefined;
  readonly #forkEvents: boolean;
  readonly #state: ConnectorState;
  #connector: ProcessConnector | undefined;
  #isListening = false;
  #cancelTimer: (() => void) | undefined;
  #seenOverruns = 0;
  #resyncAt = Number.NEGATIVE_INFINITY;
  #stopped = false;
  #offsetMs = 0;
  #offsetAt = Number.NEGATIVE_INFINITY;
  #drainedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ProcessTreeSourceOptions) {
    this.#tree = options.tree;
    this.#clock = options.clock;
    this.#openConnector = options.openConnector;
    this.#forkEvents = options.forkEvents ?? false;
    this.#state = options.connector ?? createConnectorState();
  }

  /** Whether the kernel has answered: until then nobody knows whether it will ever send anything. */
  get isListening(): boolean {
    return this.#isListening;
  }

  /** Milliseconds of the monotonic clock at which the socket was emptied last. */
  get drainedAt(): number {
    return this.#drainedAt;
  }

  start(): void {
    this.#tree.seesForks = this.#forkEvents;
    this.#state.drain = () => this.drain();
    if (this.#openConnector === undefined) return;
    try {
      this.#connector = this.#openConnector();
      this.#state.error = "the process connector does not answer, as outside of the host's pid namespace";
      this.#tick();
    } catch (error) {
      this.#state.error = messageOf(error);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#close();
  }

  /** Takes everything that waits in the connector's socket. */
  drain(): void {
    const connector = this.#connector;
    if (connector === undefined) return;
    this.#drainedAt = this.#clock.monotonicMs();
    try {
      const wallOffsetMs = this.#wallOffset();
      connector.drain(event => this.#take(event, wallOffsetMs));
    } catch (error) {
      this.#state.error = messageOf(error);
      this.#close();
      return;
    }
    if (connector.counters.overruns !== this.#seenOverruns) this.#resync();
    this.#state.overruns = connector.counters.overruns;
  }

  #take(event: ProcConnectorEvent, wallOffsetMs: number): void {
    switch (event.kind) {
      case 'fork':
        this.#tree.fork(event.pid, event.parent, event.monotonicMs + wallOffsetMs, false);
        break;
      case 'exec':
        this.#tree.executed(event.pid, event.monotonicMs + wallOffsetMs);
        break;
      case 'exit':
        this.#tree.exit(event.pid, event.monotonicMs + wallOffsetMs);
        break;
      case 'reply':
        this.#isListening = event.error === 0;
        this.#tree.seesForks = this.#isListening || this.#forkEvents;
        this.#state.error = this.#isListening
          ? undefined
          : `the process connector refused: ${errnoName(event.error)}`;
        break;
      case 'other':
        break;
    }
  }

  /** From the kernel's clock to the wall clock, in milliseconds. The wall clock can be set, so it goes stale. */
  #wallOffset(): number {
    const now = this.#clock.monotonicMs();
    if (now - this.#offsetAt >= OFFSET_MS) {
      this.#offsetMs = wallOffset(this.#clock, () => Number(this.#clock.monotonicNs()) / 1e6) ?? 0;
      this.#offsetAt = now;
    }
    return this.#offsetMs;
  }

  #resync(): void {
    const now = this.#clock.monotonicMs();
    if (now - this.#resyncAt < RESYNC_MS) return;
    this.#resyncAt = now;
    this.#seenOverruns = this.#connector?.counters.overruns ?? 0;
    this.#tree.resync(this.#clock.wallMs()).catch((error: unknown) => {
      this.#state.error = messageOf(error);
    });
  }

  #close(): void {
    this.#connector?.close();
    this.#connector = undefined;
    this.#isListening = false;
    this.#tree.seesForks = this.#forkEvents;
  }

  #tick(): void {
    this.drain();
    if (!this.#stopped && this.#connector !== undefined) {
      this.#cancelTimer = this.#clock.after(DRAIN_MS, () => this.#tick());
    }
  }
}

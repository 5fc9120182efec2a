import { errnoName } from '../../audit/errors.ts';
import { messageOf } from '../../runtime/message-of.ts';
import type { Clock } from '../clock.ts';
import { eventMs, IsoTimes } from '../event-time.ts';
import type { ModelEvent } from '../model-event.ts';
import { type Ancestor, Ancestors } from '../process/ancestors.ts';
import type { ProcConnectorEvent } from '../process/cn-proc.ts';
import { type ConnectorState, createConnectorState } from '../process/connector-state.ts';
import type { ExecFacts } from '../process/exec-facts.ts';
import type { Image } from '../process/image.ts';
import type { ProcessConnector } from '../process/process-connector.ts';
import { type ProcessNode, startTextOf } from '../process/process-node.ts';
import type { ProcessTree } from '../process/process-tree.ts';
import { type EventSource, eventSource } from '../source.ts';
import { wallOffset } from '../wall-offset.ts';

export interface ProcessTreeFields {
  /** When the process was created; together with the pid it identifies the process permanently. */
  readonly process_start_timestamp: string | undefined;
  /**
   * When the parent was created. If neither its creation nor procfs could be seen, the time of its first exec that
   * was.
   */
  readonly parent_process_timestamp: string | undefined;
  readonly parent_process_pid: number | undefined;
  readonly parent_process_name: string | undefined;
  readonly parent_process_path: string | undefined;
  /** Cut to MAX_KEPT_COMMAND_LINE characters. */
  readonly parent_process_command_line: string | undefined;
  /** The ancestors, the parent first, at most MAX_ANCESTORS. */
  readonly ancestors: readonly Ancestor[] | undefined;
  readonly process: ProcessNode;
  readonly process_image: Image;
  readonly parent: ProcessNode | undefined;
  readonly parent_image: Image | undefined;
  /** What the kernel knew of the process at the exec; undefined if only audit told of it. */
  readonly exec_facts: ExecFacts | undefined;
}

/** Milliseconds between two drains of the connector's socket if no event requires one; its buffer holds seconds. */
const DRAIN_MS = 250;
/** Most milliseconds since the last drain for an exec of known processes. */
const FRESH_MS = 2;
/** Milliseconds between two comparisons of the kernel's clock with the wall clock. */
const OFFSET_MS = 1000;
/** Least milliseconds between two readings of procfs that find what an overflow missed. */
const RESYNC_MS = 5000;

export interface ProcessTreeSourceOptions {
  readonly tree: ProcessTree;
  readonly clock: Clock;
  /** Opens the kernel's process connector; undefined if forks come as events or not at all. */
  readonly openConnector?: (() => ProcessConnector) | undefined;
  /**
   * Whether forks come as events. They are not used while the connector runs: a fork that audit saw inside a
   * container has the child's pid in the container's view.
   */
  readonly forkEvents?: boolean;
  /** Receives the connector's state. */
  readonly connector?: ConnectorState;
  /** The process that looks at processes for the tree. */
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
  exec_facts: 'internal',
};

/** The ancestors of a process: parents are known by pid and start time, also after they ended. */
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
      // After the connector is open: a process that starts in the meantime is seen by one or the other.
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
      // Its own fork and exec, and its parent's, came before. Exits can wait a little.
      const isStale = clock.monotonicMs() - listener.drainedAt > FRESH_MS;
      if (!tree.isExpected(event, listener.isListening) || isStale) listener.drain();
      const { process, image, parent, parentImage, facts } = tree.exec(event);
      return {
        // Not kept with the node: most processes are asked for it once.
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
        exec_facts: facts !== undefined && isOfEvent(facts, event) ? facts : undefined,
      };
    },
  });
};

/** Whether the file that the kernel has mapped is one of those that audit has recorded: then both tell of the same exec. */
const isOfEvent = ({ inode }: ExecFacts, { files }: ModelEvent): boolean => {
  const text = String(inode);
  return files.some(file => file.inode === text);
};

/** Tells the tree what the kernel reports. */
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

  /** Whether the kernel has answered: until then it is not known whether it will ever send anything. */
  get isListening(): boolean {
    return this.#isListening;
  }

  /** When the socket was drained last, in milliseconds of the monotonic clock. */
  get drainedAt(): number {
    return this.#drainedAt;
  }

  start(): void {
    this.#tree.seesForks = this.#forkEvents;
    this.#state.drain = () => this.drain();
    this.#state.replace = open => this.#replace(open);
    if (this.#openConnector === undefined) return;
    try {
      this.#connector = this.#openConnector();
      this.#state.error =
        "the process connector does not answer, as happens outside the host's pid namespace";
      this.#tick();
    } catch (error) {
      this.#state.error = messageOf(error);
    }
  }

  /** What the former connector has reported is taken first. The new one reports what happens from now on. */
  #replace(open: () => ProcessConnector): void {
    if (this.#stopped) return;
    let next: ProcessConnector;
    try {
      next = open();
    } catch (error) {
      this.#state.error = messageOf(error);
      return;
    }
    this.drain();
    this.#close();
    this.#connector = next;
    this.#seenOverruns = next.counters.overruns;
    this.#cancelTimer?.();
    this.#tick();
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
        this.#tree.executed(event.pid, event.monotonicMs + wallOffsetMs, event.facts);
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

  /**
   * Milliseconds from the kernel's clock to the wall clock. The wall clock can be changed, so the offset goes stale.
   */
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

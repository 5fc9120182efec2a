import { eventMs } from '../event-time.ts';
import { Fifo } from '../fifo.ts';
import type { ExecEvent } from '../model-event.ts';
import { createImage, type Image } from './image.ts';
import type { LiveProcess, LiveProcesses } from './live-processes.ts';
import type { ProcessNode, StartKnowledge } from './process-node.ts';

export interface ProcessTreeLimits {
  /** Processes remembered, those that ended among them. */
  readonly maxProcesses: number;
  /** Approximate bytes of what is remembered. */
  readonly maxBytes: number;
}

export const PROCESS_TREE_LIMITS: ProcessTreeLimits = { maxProcesses: 16_384, maxBytes: 33_554_432 };

/**
 * How far times of one moment can differ between sources: audit's clock advances in jiffies (up to 10 ms), procfs
 * counts in ticks of 10 ms. A pid cannot go all the way round in this time.
 */
const TOLERANCE_MS = 50;

/** How many former images of a process are kept for its children, and how many forks without an exec are followed. */
const MAX_FORMER_IMAGES = 4;
const MAX_FORKS_WITHOUT_EXEC = 64;

/** Execs without an event that are kept for a process; more come only where audit does not look at it. */
const MAX_UNTOLD_EXECS = 8;
/** How far an exec's time by the process connector can be before audit's, which is at least a little late itself. */
const CLOCKS_APART_MS = 2;

const NODE_BYTES = 400;

export interface ProcessTreeCounters {
  /** Forgotten to stay within the limits. */
  forgotten: number;
  /** Of these, processes not known to have ended. */
  forgottenAlive: number;
}

/** What an exec event tells of the processes involved. */
export interface ExecReading {
  readonly process: ProcessNode;
  readonly image: Image;
  readonly parent: ProcessNode | undefined;
  /** What the parent ran at the time. */
  readonly parentImage: Image | undefined;
}

/**
 * The processes of the host and who started whom, still known after they ended. A process is (pid, start time):
 * questions name a pid and a time, so that one which had the pid earlier or later is never mistaken for it.
 */
export class ProcessTree {
  readonly counters: ProcessTreeCounters = { forgotten: 0, forgottenAlive: 0 };
  readonly #live: LiveProcesses | undefined;
  readonly #limits: ProcessTreeLimits;
  readonly #nodes = new Map<number, ProcessNode>();
  /** Newest process of each pid. */
  readonly #newest = new Map<number, ProcessNode>();
  /** Ids in order of getting known, and of ending; those of forgotten nodes are still among them. */
  readonly #known = new Fifo<number>();
  readonly #ended = new Fifo<number>();
  #nextId = 1;
  #bytes = 0;

  /**
   * Whether every fork is seen, so that a pid given to a new process never goes unnoticed. Otherwise the start time of
   * each process that execs is read from procfs.
   */
  seesForks = false;

  /** @param live undefined for events of another host or another time */
  constructor(live: LiveProcesses | undefined, limits: Partial<ProcessTreeLimits> = {}) {
    this.#live = live;
    this.#limits = { ...PROCESS_TREE_LIMITS, ...limits };
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** The process that had `pid` at a time. */
  find(pid: number, atMs: number): ProcessNode | undefined {
    let node = this.#newest.get(pid);
    while (node !== undefined && node.startMs > atMs + TOLERANCE_MS) node = node.older;
    return node;
  }

  /**
   * A process was created.
   *
   * @param ordered whether this came in order with the exec events: the child then runs what its parent runs now.
   *   Otherwise it runs what its parent had executed by `atMs`, which is found out when somebody asks.
   */
  fork(pid: number, parentPid: number, atMs: number, ordered: boolean): void {
    const parent = pid === parentPid ? undefined : this.find(parentPid, atMs);
    const node = this.#started(pid, atMs) ?? this.#add(pid, atMs, 'fork', this.find(pid, atMs), atMs);
    setStart(node, atMs, 'fork');
    // An exec of the child that was told before its fork knows the parent better: it may have changed since.
    node.parentPid ??= parentPid;
    node.parentId ??= parent?.id;
    node.forkedFrom = parent?.id;
    node.forkedAfter = ordered ? undefined : parent?.execs;
    if (ordered) node.inherited ??= parent && this.imageOf(parent);
  }

  /** A process executed something; what, its exec event will tell. In order with the forks and exits. */
  executed(pid: number, atMs: number): void {
    const node = this.find(pid, atMs);
    if (node === undefined) return;
    node.execs++;
    node.untoldExecs.push(atMs);
    if (node.untoldExecs.length > MAX_UNTOLD_EXECS) node.untoldExecs.shift();
  }

  /** A process ended; it stays known until room is needed. */
  exit(pid: number, atMs: number): void {
    const node = this.find(pid, atMs);
    if (node !== undefined) this.#end(node, atMs);
  }

  /**
   * Whether an exec can be told apart from all others by what is known already.
   *
   * @param execsAreTold whether `executed` is called for each
   */
  isExpected(event: ExecEvent, execsAreTold: boolean): boolean {
    const at = eventMs(event);
    const parentPid = event.parent ?? event.ppid;
    const node = this.find(event.pid, at);
    if (node === undefined || endedBefore(node, at) || parentPid === undefined) return false;
    if (execsAreTold && node.untoldExecs.length === 0) return false;
    // Adopted, and the end of who created it is still to be told.
    const creator = this.#creatorOf(node);
    if (creator !== undefined && creator.pid !== parentPid && creator.exitMs === undefined) return false;
    const parent = this.find(parentPid, at);
    return parent !== undefined && !endedBefore(parent, at);
  }

  /**
   * Audit tells who the parent is at the exec. If the process that created this one had ended by then, that is who
   * adopted it, as a rule pid 1; the parent is who created it.
   */
  exec(event: ExecEvent): ExecReading {
    const at = eventMs(event);
    const toldPid = event.parent ?? event.ppid;
    const node = this.#identify(event.pid, toldPid, at);
    const creator = this.#creatorOf(node);
    const isAdopted = creator !== undefined && creator.exitMs !== undefined && creator.pid !== toldPid;
    const parentPid = isAdopted ? creator.pid : toldPid;
    const parent = isAdopted
      ? creator
      : parentPid === undefined || parentPid === event.pid
        ? undefined
        : this.#parentAt(parentPid, at);
    node.parentPid = parentPid;
    node.parentId = parent?.id;
    if (parent !== undefined) this.#catchUp(parent, node);
    const image = createImage({
      path: event.path,
      comm: event.comm,
      argv: event.argv,
      execMs: at,
      exec: takeExec(node, at),
    });
    this.#setImage(node, image);
    this.#makeRoom(node);
    return { process: node, image, parent, parentImage: parent && this.imageOf(parent) };
  }

  /**
   * Notices that what is known of a parent was no longer true when it made the child: it had executed something, and
   * no event told what. Events come in order, so that one was lost, or audit does not look at the process.
   */
  #catchUp(parent: ProcessNode, child: ProcessNode): void {
    if (child.forkedFrom !== parent.id || child.forkedAfter === undefined) return;
    const missed = child.forkedAfter - (parent.execs - parent.untoldExecs.length);
    if (missed <= 0) return;
    const execMs = parent.untoldExecs.splice(0, missed).at(-1);
    const unknown = { path: undefined, comm: undefined, argv: undefined, execMs, exec: child.forkedAfter };
    this.#setImage(parent, this.#liveImage(parent) ?? createImage(unknown));
  }

  #creatorOf(node: ProcessNode): ProcessNode | undefined {
    return node.forkedFrom === undefined ? undefined : this.#nodes.get(node.forkedFrom);
  }

  /** Who created a process, as far as that is known; otherwise its parent as procfs or audit had it. */
  parentOf(node: ProcessNode): ProcessNode | undefined {
    const parent = node.parentId === undefined ? undefined : this.#nodes.get(node.parentId);
    if (parent !== undefined || node.parentPid === undefined || node.parentPid === node.pid) return parent;
    return this.find(node.parentPid, node.startMs);
  }

  /** What a process runs: its own newest exec, or what it was forked with. */
  imageOf(node: ProcessNode): Image | undefined {
    if (node.image !== undefined) return node.image;
    node.inherited ??= this.#inheritedImage(node);
    if (node.inherited !== undefined) return node.inherited;
    const image = this.#liveImage(node);
    if (image !== undefined) this.#setImage(node, image);
    return image;
  }

  /** Takes in the processes that are running, a few at a time so that events are not held up. */
  async seed(): Promise<void> {
    const live = this.#live;
    if (live === undefined) return;
    let count = 0;
    for (const pid of live.pids()) {
      const process = live.read(pid);
      if (process !== undefined) this.#take(process);
      if (++count % 32 === 0) await new Promise(resolve => setImmediate(resolve));
    }
  }

  /** Makes up for forks and exits that were missed: takes in what runs now, and ends what does not. */
  async resync(nowMs: number): Promise<void> {
    const live = this.#live;
    if (live === undefined) return;
    const running = new Set(live.pids());
    for (const node of this.#newest.values()) {
      // One that began after the list was made is not in it.
      if (!running.has(node.pid) && node.startMs < nowMs - TOLERANCE_MS) this.#end(node, nowMs);
    }
    await this.seed();
  }

  /** The process with this pid that started at a time. */
  #started(pid: number, startMs: number): ProcessNode | undefined {
    for (let node = this.#newest.get(pid); node !== undefined; node = node.older) {
      if (isSameStart(node, startMs) && !(node.older !== undefined && node.older.startMs > startMs))
        return node;
    }
    return undefined;
  }

  /** The node that an exec is of, made if there is none. */
  #identify(pid: number, parentPid: number | undefined, at: number): ProcessNode {
    const node = this.find(pid, at);
    if (node !== undefined && this.#isCertain(node, parentPid, at)) return node;
    const startMs = this.#live?.startMs(pid);
    // A process that began after the event only has the same pid.
    const start = startMs !== undefined && startMs <= at + TOLERANCE_MS ? startMs : undefined;
    if (node !== undefined) {
      if (
        start === undefined
          ? node.parentPid === parentPid && node.exitMs === undefined
          : isSameStart(node, start)
      ) {
        return node;
      }
    }
    return start === undefined
      ? this.#add(pid, at, 'exec', node, at)
      : this.#add(pid, start, 'procfs', node, at);
  }

  /** Whether a node is the process of an event at `at` without looking at procfs. */
  #isCertain(node: ProcessNode, parentPid: number | undefined, at: number): boolean {
    if (!this.seesForks && this.#live !== undefined) return false;
    if (endedBefore(node, at - TOLERANCE_MS)) return false;
    if (node.parentPid === parentPid) return true;
    // Another parent is right only if the one it had ended.
    const parent = node.parentId === undefined ? undefined : this.#nodes.get(node.parentId);
    return parent === undefined || parent.exitMs !== undefined;
  }

  /** A parent is alive when its child execs: a node that ended before is another process, or only seemed to end. */
  #parentAt(pid: number, at: number): ProcessNode | undefined {
    const node = this.find(pid, at);
    if (node !== undefined && !endedBefore(node, at - TOLERANCE_MS)) return node;
    return this.#adopt(pid, at);
  }

  /** A process that was not known, as it is now. */
  #adopt(pid: number, at: number): ProcessNode | undefined {
    const process = pid === 0 ? undefined : this.#live?.read(pid);
    return process === undefined || process.startMs > at + TOLERANCE_MS ? undefined : this.#take(process);
  }

  #take({ pid, startMs, ppid, comm, path, argv }: LiveProcess): ProcessNode {
    const node =
      this.#started(pid, startMs) ?? this.#add(pid, startMs, 'procfs', this.find(pid, startMs), startMs);
    if (node.startKnown === 'exec') setStart(node, startMs, 'procfs');
    if (node.parentPid === undefined && ppid !== pid) node.parentPid = ppid;
    if (this.imageOf(node) === undefined) {
      this.#setImage(node, createImage({ path, comm, argv, execMs: undefined, exec: node.execs }));
    }
    this.#makeRoom(node);
    return node;
  }

  #inheritedImage(node: ProcessNode): Image | undefined {
    let child = node;
    for (let steps = 0; steps < MAX_FORKS_WITHOUT_EXEC; steps++) {
      const origin = this.#originOf(child);
      if (origin === undefined) return undefined;
      for (let image = origin.image; image !== undefined; image = image.previous) {
        if (wasRunning(image, child)) return image;
      }
      if (origin.inherited !== undefined) return origin.inherited;
      child = origin;
    }
    return undefined;
  }

  #originOf(node: ProcessNode): ProcessNode | undefined {
    const origin = node.forkedFrom === undefined ? undefined : this.#nodes.get(node.forkedFrom);
    if (origin !== undefined || node.startKnown !== 'fork' || node.parentPid === undefined) return origin;
    // Not known when the fork was seen, perhaps by now.
    return this.find(node.parentPid, node.startMs);
  }

  #liveImage(node: ProcessNode): Image | undefined {
    if (node.exitMs !== undefined) return undefined;
    const process = this.#live?.read(node.pid);
    if (process === undefined || !isSameStart(node, process.startMs)) return undefined;
    const { path, comm, argv } = process;
    return createImage({ path, comm, argv, execMs: undefined, exec: node.execs });
  }

  #setImage(node: ProcessNode, image: Image): void {
    image.previous = node.image;
    let last: Image | undefined = image;
    for (let count = 0; count < MAX_FORMER_IMAGES && last !== undefined; count++) last = last.previous;
    if (last !== undefined) last.previous = undefined;
    node.image = image;
    if (!this.#nodes.has(node.id)) return;
    this.#bytes -= node.bytes;
    node.bytes = NODE_BYTES + imageBytes(image);
    this.#bytes += node.bytes;
  }

  /** @param older the node that had the pid until `endMs` */
  #add(
    pid: number,
    startMs: number,
    startKnown: StartKnowledge,
    older: ProcessNode | undefined,
    endMs: number,
  ): ProcessNode {
    if (older !== undefined) this.#end(older, endMs);
    const node: ProcessNode = {
      id: this.#nextId++,
      pid,
      startMs,
      startKnown,
      parentPid: undefined,
      parentId: undefined,
      forkedFrom: undefined,
      forkedAfter: undefined,
      execs: 0,
      untoldExecs: [],
      image: undefined,
      inherited: undefined,
      exitMs: undefined,
      container: undefined,
      containerAtMs: Number.NEGATIVE_INFINITY,
      startText: undefined,
      bytes: NODE_BYTES,
      older,
    };
    this.#nodes.set(node.id, node);
    this.#known.push(node.id);
    // Most are forgotten by way of `#ended`, which leaves their ids here.
    if (this.#known.size > 2 * this.#limits.maxProcesses + 1024)
      this.#known.retain(id => this.#nodes.has(id));
    this.#link(node);
    this.#bytes += NODE_BYTES;
    this.#makeRoom(node);
    return node;
  }

  /** Puts a node above `older` in its pid's list, which is newest first. */
  #link(node: ProcessNode): void {
    const newest = this.#newest.get(node.pid);
    if (newest === node.older) {
      this.#newest.set(node.pid, node);
      return;
    }
    let newer = newest;
    while (newer !== undefined && newer.older !== node.older) newer = newer.older;
    if (newer === undefined) return;
    newer.older = node;
    this.#end(node, newer.startMs);
  }

  #end(node: ProcessNode, atMs: number): void {
    if (node.exitMs !== undefined) return;
    node.exitMs = atMs;
    this.#ended.push(node.id);
  }

  /** Forgets until the limits hold: who ended first goes first, then whoever is known longest; never `spared`. */
  #makeRoom(spared: ProcessNode): void {
    while (this.#nodes.size > this.#limits.maxProcesses || this.#bytes > this.#limits.maxBytes) {
      const node = this.#oldest(this.#ended, spared) ?? this.#oldest(this.#known, spared);
      if (node === undefined) return;
      this.counters.forgotten++;
      if (node.exitMs === undefined) this.counters.forgottenAlive++;
      this.#forget(node);
    }
  }

  /** Takes the oldest out that is still known. */
  #oldest(queue: Fifo<number>, spared: ProcessNode): ProcessNode | undefined {
    for (let left = queue.size; left > 0; left--) {
      const id = queue.shift()!;
      if (id === spared.id) queue.push(id);
      else if (this.#nodes.has(id)) return this.#nodes.get(id);
    }
    return undefined;
  }

  #forget(node: ProcessNode): void {
    this.#nodes.delete(node.id);
    this.#bytes -= node.bytes;
    const newest = this.#newest.get(node.pid);
    if (newest === node) {
      if (node.older === undefined) this.#newest.delete(node.pid);
      else this.#newest.set(node.pid, node.older);
      return;
    }
    for (let newer = newest; newer !== undefined; newer = newer.older) {
      if (newer.older === node) {
        newer.older = node.older;
        return;
      }
    }
  }
}

const endedBefore = (node: ProcessNode, at: number): boolean => node.exitMs !== undefined && node.exitMs < at;

/** Which exec of its process an event at `at` is of: the first that was not before it. */
const takeExec = (node: ProcessNode, at: number): number | undefined => {
  while (node.untoldExecs.length > 0) {
    const exec = node.execs - node.untoldExecs.length + 1;
    if (node.untoldExecs.shift()! >= at - CLOCKS_APART_MS) return exec;
  }
  return undefined;
};

/**
 * Whether a process ran an image when it made a child. By their times where nobody counted: audit's time of an exec is
 * early by some milliseconds, so that an exec right after the fork seems to come before it.
 */
const wasRunning = (image: Image, child: ProcessNode): boolean =>
  image.exec !== undefined && child.forkedAfter !== undefined
    ? image.exec <= child.forkedAfter
    : image.execMs === undefined || image.execMs <= child.startMs;

const setStart = (node: ProcessNode, startMs: number, startKnown: StartKnowledge): void => {
  node.startMs = startMs;
  node.startKnown = startKnown;
  node.startText = undefined;
};

/**
 * Whether a node is the process that started at a time. One known by an exec only is older than that exec; whether an
 * even older start is its own cannot be told, so it is taken to be.
 */
const isSameStart = (node: ProcessNode, startMs: number): boolean =>
  node.startKnown === 'exec'
    ? node.exitMs === undefined && startMs <= node.startMs + TOLERANCE_MS
    : Math.abs(node.startMs - startMs) <= TOLERANCE_MS;

/** Of the newest image and those kept before it; two bytes per character. */
const imageBytes = (newest: Image): number => {
  let bytes = 0;
  for (let image: Image | undefined = newest; image !== undefined; image = image.previous) {
    bytes += 200 + 2 * ((image.path?.length ?? 0) + (image.commandLine?.length ?? 0));
  }
  return bytes;
};

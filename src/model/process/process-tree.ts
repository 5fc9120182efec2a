import { eventMs } from '../event-time.ts';
import type { ExecEvent } from '../model-event.ts';
import type { ExecFacts } from './exec-facts.ts';
import { createImage, fillIn, type Image } from './image.ts';
import type { LiveProcess, LiveProcesses } from './live-processes.ts';
import type { ProcessNode, StartKnowledge } from './process-node.ts';
import {
  PROCESS_TREE_LIMITS,
  type ProcessTreeCounters,
  type ProcessTreeLimits,
  RememberedProcesses,
} from './remembered-processes.ts';

/**
 * Most milliseconds by which times of one moment differ between sources: audit's clock advances in jiffies (up to 10
 * ms), procfs counts in ticks of 10 ms. Pids cannot wrap around in this time.
 */
const TOLERANCE_MS = 50;

/**
 * Most former images of a process that are kept for its children, and most forks without an exec that are followed.
 */
const MAX_FORMER_IMAGES = 4;
const MAX_FORKS_WITHOUT_EXEC = 64;

/** Most execs without an event that are kept for a process; more come only if audit does not watch it. */
const MAX_UNTOLD_EXECS = 8;
/**
 * Most milliseconds by which the process connector's time of an exec is before audit's, which itself is at least
 * slightly late.
 */
const CLOCKS_APART_MS = 2;

const NODE_BYTES = 400;

/**
 * Stands for an image that nobody will need. If fork messages were lost it may be needed after all: then it has no
 * path, and so no hash.
 */
const NOT_KEPT: Image = createImage({
  path: undefined,
  comm: undefined,
  argv: undefined,
  execMs: undefined,
  exec: undefined,
});

/** Asks for the arguments of a running process, and what it runs; undefined if they cannot be read. */
export type AskArgv = (
  pid: number,
) => Promise<{ readonly argv: readonly string[] | undefined; readonly path: string | undefined } | undefined>;

/** What an exec event tells about the processes involved. */
export interface ExecReading {
  readonly process: ProcessNode;
  readonly image: Image;
  readonly parent: ProcessNode | undefined;
  /** What the parent ran at the time. */
  readonly parentImage: Image | undefined;
  /** What the kernel knew at the exec itself, if it was asked. */
  readonly facts: ExecFacts | undefined;
}

/**
 * The processes of the host and their parents, also known after they ended. A process is identified by (pid, start
 * time): questions name a pid and a time, so a process that had the pid earlier or later is never mistaken for it.
 */
export class ProcessTree {
  readonly #live: LiveProcesses | undefined;
  readonly #askArgv: AskArgv | undefined;
  readonly #known: RememberedProcesses;

  /**
   * Whether every fork is seen, so that a reused pid never goes unnoticed. Otherwise the start time of each process
   * that execs is read from procfs.
   */
  seesForks = false;

  /**
   * @param live undefined for events of another host or another time
   * @param askArgv reads what `live` does not, some time later
   */
  constructor(
    live: LiveProcesses | undefined,
    limits: Partial<ProcessTreeLimits> = {},
    askArgv?: AskArgv | undefined,
  ) {
    this.#live = live;
    this.#askArgv = askArgv;
    this.#known = new RememberedProcesses({ ...PROCESS_TREE_LIMITS, ...limits });
  }

  get counters(): Readonly<ProcessTreeCounters> {
    return this.#known.counters;
  }

  get size(): number {
    return this.#known.size;
  }

  /** The process that had `pid` at a time. */
  find(pid: number, atMs: number): ProcessNode | undefined {
    let node = this.#known.newest(pid);
    while (node !== undefined && node.startMs > atMs + TOLERANCE_MS) node = node.older;
    return node;
  }

  /**
   * A process was created.
   *
   * @param ordered whether this came in order with the exec events: the child then runs what its parent runs now.
   * Otherwise it runs what its parent had executed by `atMs`, which is determined on demand.
   */
  fork(pid: number, parentPid: number, atMs: number, ordered: boolean): void {
    const parent = pid === parentPid ? undefined : this.find(parentPid, atMs);
    // Before the parent may be evicted.
    const inherited = ordered && parent !== undefined ? this.imageOf(parent) : undefined;
    const node =
      this.#started(pid, atMs) ?? this.#add(pid, atMs, 'fork', this.#ended(this.find(pid, atMs), atMs));
    setStart(node, atMs, 'fork');
    // If the child's exec was reported before its fork, that knows the parent better: it may have changed since.
    node.parentPid ??= parentPid;
    node.parent ??= parent;
    this.#known.setCreator(node, parent);
    node.forkedAfter = ordered ? undefined : parent?.execs;
    node.inherited ??= inherited;
  }

  /** A process executed something; its exec event will say what. In order with forks and exits. */
  executed(pid: number, atMs: number, facts?: ExecFacts): void {
    const node = this.find(pid, atMs);
    if (node === undefined) return;
    node.execs++;
    const exec = { ms: atMs, facts };
    if (node.untoldExecs === undefined) node.untoldExecs = [exec];
    else if (node.untoldExecs.push(exec) > MAX_UNTOLD_EXECS) node.untoldExecs.shift();
  }

  /** A process ended. It stays known until room is needed. */
  exit(pid: number, atMs: number): void {
    const node = this.find(pid, atMs);
    if (node !== undefined) this.#known.end(node, atMs);
  }

  /**
   * Whether what is known already distinguishes an exec from all others.
   *
   * @param execsAreTold whether `executed` is called for each
   */
  isExpected(event: ExecEvent, execsAreTold: boolean): boolean {
    const at = eventMs(event);
    const parentPid = event.parent ?? event.ppid;
    const node = this.find(event.pid, at);
    if (node === undefined || endedBefore(node, at) || parentPid === undefined) return false;
    if (execsAreTold && node.untoldExecs === undefined) return false;
    // It was adopted, and the end of its creator is not yet reported.
    const creator = remembered(node.forkedFrom);
    if (creator !== undefined && creator.pid !== parentPid && creator.exitMs === undefined) return false;
    const parent = this.find(parentPid, at);
    return parent !== undefined && !endedBefore(parent, at);
  }

  /**
   * Audit reports the parent at the time of the exec. If the creator of the process had ended by then, that is the
   * adopter, usually pid 1; the true parent is the creator.
   */
  exec(event: ExecEvent): ExecReading {
    const at = eventMs(event);
    const toldPid = event.parent ?? event.ppid;
    const node = this.#identify(event.pid, toldPid, at);
    const creator = remembered(node.forkedFrom);
    const isAdopted = creator !== undefined && creator.exitMs !== undefined && creator.pid !== toldPid;
    const parentPid = isAdopted ? creator.pid : toldPid;
    const parent = isAdopted
      ? creator
      : parentPid === undefined || parentPid === event.pid
        ? undefined
        : this.#parentAt(parentPid, at);
    node.parentPid = parentPid;
    node.parent = parent;
    if (parent !== undefined) this.#catchUp(parent, node);
    const told = takeExec(node, at);
    const image = createImage({
      path: event.path,
      comm: event.comm,
      argv: event.argv,
      execMs: at,
      exec: told?.number,
    });
    // Nobody will ask what it ran: most processes end before their exec is reported, and have no children.
    if (this.#isOver(node)) node.image = NOT_KEPT;
    else this.#setImage(node, image);
    const parentImage = parent && this.imageOf(parent);
    this.#known.makeRoom(node);
    return { process: node, image, parent, parentImage, facts: told?.facts };
  }

  /** Whether a process has ended and had no children. Fork messages come before that of the end. */
  #isOver(node: ProcessNode): boolean {
    return this.seesForks && node.startKnown === 'fork' && node.exitMs !== undefined && !node.hasForked;
  }

  /**
   * Notices that the known image of a parent was outdated when it made the child: it had executed something without
   * an event. Events come in order, so that one was lost, or audit does not watch the process.
   */
  #catchUp(parent: ProcessNode, child: ProcessNode): void {
    if (child.forkedFrom !== parent || child.forkedAfter === undefined) return;
    const missed = child.forkedAfter - (parent.execs - (parent.untoldExecs?.length ?? 0));
    if (missed <= 0) return;
    const execMs = parent.untoldExecs?.splice(0, missed).at(-1)?.ms;
    if (parent.untoldExecs?.length === 0) parent.untoldExecs = undefined;
    const unknown = { path: undefined, comm: undefined, argv: undefined, execMs, exec: child.forkedAfter };
    this.#setImage(parent, this.#liveImage(parent) ?? createImage(unknown));
  }

  /** The creator of a process if it is known; otherwise its parent according to procfs or audit. */
  parentOf(node: ProcessNode): ProcessNode | undefined {
    const parent = remembered(node.parent);
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

  /** Adds the running processes, a few at a time so that events are not delayed. */
  async seed(): Promise<void> {
    const live = this.#live;
    if (live === undefined) return;
    let count = 0;
    const asked: Promise<void>[] = [];
    for (const pid of live.pids()) {
      const process = live.read(pid);
      const image = process && this.#take(process).image;
      if (image?.isFilledIn !== undefined) asked.push(image.isFilledIn);
      if (++count % 32 === 0) await new Promise(resolve => setImmediate(resolve));
    }
    await Promise.all(asked);
  }

  /** Corrects for missed forks and exits: adds running processes, and ends the others. */
  async resync(nowMs: number): Promise<void> {
    const live = this.#live;
    if (live === undefined) return;
    const running = new Set(live.pids());
    for (const node of this.#known.all()) {
      // A process that began after the list was made is not in it.
      if (!running.has(node.pid) && node.startMs < nowMs - TOLERANCE_MS) this.#known.end(node, nowMs);
    }
    await this.seed();
  }

  /** The process with this pid that started at a time. */
  #started(pid: number, startMs: number): ProcessNode | undefined {
    for (let node = this.#known.newest(pid); node !== undefined; node = node.older) {
      if (isSameStart(node, startMs) && !(node.older !== undefined && node.older.startMs > startMs))
        return node;
    }
    return undefined;
  }

  /** The node of an exec's process, made if there is none. */
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
      ? this.#add(pid, at, 'exec', this.#ended(node, at))
      : this.#add(pid, start, 'procfs', this.#ended(node, at));
  }

  /** Whether a node is certainly the process of an event at `at`, without reading procfs. */
  #isCertain(node: ProcessNode, parentPid: number | undefined, at: number): boolean {
    if (!this.seesForks && this.#live !== undefined) return false;
    if (endedBefore(node, at - TOLERANCE_MS)) return false;
    if (node.parentPid === parentPid) return true;
    // Another parent is right only if the former one ended.
    const parent = remembered(node.parent);
    return parent === undefined || parent.exitMs !== undefined;
  }

  /** A parent is alive when its child execs: a node that ended before is another process, or only seemed to end. */
  #parentAt(pid: number, at: number): ProcessNode | undefined {
    const node = this.find(pid, at);
    if (node !== undefined && !endedBefore(node, at - TOLERANCE_MS)) return node;
    return this.#adopt(pid, at);
  }

  /** Adds an unknown process in its present state. */
  #adopt(pid: number, at: number): ProcessNode | undefined {
    const process = pid === 0 ? undefined : this.#live?.read(pid);
    return process === undefined || process.startMs > at + TOLERANCE_MS ? undefined : this.#take(process);
  }

  #take({ pid, startMs, ppid, comm, path }: LiveProcess): ProcessNode {
    const node =
      this.#started(pid, startMs) ??
      this.#add(pid, startMs, 'procfs', this.#ended(this.find(pid, startMs), startMs));
    if (node.startKnown === 'exec') setStart(node, startMs, 'procfs');
    if (node.parentPid === undefined && ppid !== pid) node.parentPid = ppid;
    if (this.imageOf(node) === undefined) {
      this.#setImage(node, this.#imageOfLive(node, path, comm));
    }
    this.#known.makeRoom(node);
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
    const origin = remembered(node.forkedFrom);
    if (origin !== undefined || node.startKnown !== 'fork' || node.parentPid === undefined) return origin;
    // It was not known when the fork was seen, but may be by now.
    return this.find(node.parentPid, node.startMs);
  }

  #liveImage(node: ProcessNode): Image | undefined {
    if (node.exitMs !== undefined) return undefined;
    const process = this.#live?.read(node.pid);
    if (process === undefined || !isSameStart(node, process.startMs)) return undefined;
    return this.#imageOfLive(node, process.path, process.comm);
  }

  /** Its command line comes later, if it still runs the same then. */
  #imageOfLive(node: ProcessNode, path: string | undefined, comm: string): Image {
    const image = createImage({ path, comm, argv: undefined, execMs: undefined, exec: node.execs });
    // Kernel threads have neither command line nor path.
    if (path === undefined || this.#askArgv === undefined) return image;
    image.isFilledIn = this.#askArgv(node.pid).then(found => {
      image.isFilledIn = undefined;
      if (found?.argv === undefined || found.path !== path || node.exitMs !== undefined) return;
      fillIn(image, found.argv);
      if (node.image === image) this.#known.resize(node, NODE_BYTES + imageBytes(image));
    });
    return image;
  }

  #setImage(node: ProcessNode, image: Image): void {
    image.previous = node.image;
    let last: Image | undefined = image;
    for (let count = 0; count < MAX_FORMER_IMAGES && last !== undefined; count++) last = last.previous;
    if (last !== undefined) last.previous = undefined;
    node.image = image;
    this.#known.resize(node, NODE_BYTES + imageBytes(image));
  }

  /** A node whose pid another process has from `endMs` on. */
  #ended(node: ProcessNode | undefined, endMs: number): ProcessNode | undefined {
    if (node !== undefined) this.#known.end(node, endMs);
    return node;
  }

  /** @param older the node that had the pid before, which has ended */
  #add(
    pid: number,
    startMs: number,
    startKnown: StartKnowledge,
    older: ProcessNode | undefined,
  ): ProcessNode {
    const node: ProcessNode = {
      pid,
      startMs,
      startKnown,
      parentPid: undefined,
      parent: undefined,
      forkedFrom: undefined,
      runningChildren: 0,
      hasForked: false,
      forkedAfter: undefined,
      execs: 0,
      untoldExecs: undefined,
      image: undefined,
      inherited: undefined,
      exitMs: undefined,
      container: undefined,
      containerAtMs: Number.NEGATIVE_INFINITY,
      place: undefined,
      onHostMs: Number.NEGATIVE_INFINITY,
      startText: undefined,
      bytes: NODE_BYTES,
      older,
      next: undefined,
      before: undefined,
      after: undefined,
      isForgotten: false,
    };
    this.#known.add(node);
    this.#known.makeRoom(node);
    return node;
  }
}

const remembered = (node: ProcessNode | undefined): ProcessNode | undefined =>
  node?.isForgotten === true ? undefined : node;

const endedBefore = (node: ProcessNode, at: number): boolean => node.exitMs !== undefined && node.exitMs < at;

/**
 * Which exec of its process an event at `at` is. If the kernel's report names the event's time, that decides; else it is the first
 * that was not before it.
 */
const takeExec = (
  node: ProcessNode,
  at: number,
): { readonly number: number; readonly facts: ExecFacts | undefined } | undefined => {
  const { untoldExecs } = node;
  if (untoldExecs === undefined) return undefined;
  let place = untoldExecs.findIndex(({ facts }) => facts?.auditMs === at);
  if (place < 0) place = untoldExecs.findIndex(({ ms }) => ms >= at - CLOCKS_APART_MS);
  const number = node.execs - untoldExecs.length + 1 + place;
  const taken = place < 0 ? undefined : untoldExecs[place];
  // Those before will not be told any more.
  untoldExecs.splice(0, taken === undefined ? untoldExecs.length : place + 1);
  if (untoldExecs.length === 0) node.untoldExecs = undefined;
  return taken && { number, facts: taken.facts };
};

/**
 * Whether a process ran an image when it made a child. If nobody counted, their times decide: audit's time of an exec
 * is early by some milliseconds, so an exec right after the fork seems to come before it.
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
 * Whether a node is the process with this start time. One known only by an exec is older than that exec; an even
 * older start cannot be verified, so it counts as its own.
 */
const isSameStart = (node: ProcessNode, startMs: number): boolean =>
  node.startKnown === 'exec'
    ? node.exitMs === undefined && startMs <= node.startMs + TOLERANCE_MS
    : Math.abs(node.startMs - startMs) <= TOLERANCE_MS;

/** Memory of the newest image and those kept before it; two bytes per character. */
const imageBytes = (newest: Image): number => {
  let bytes = 0;
  for (let image: Image | undefined = newest; image !== undefined; image = image.previous) {
    bytes += 200 + 2 * ((image.path?.length ?? 0) + (image.commandLine?.length ?? 0));
  }
  return bytes;
};

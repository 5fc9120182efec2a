import type { ProcessEvent } from '../audit/audit-event.ts';
import type { ImageTimes } from '../events/event-table.ts';
import type { FileVersion } from '../model/hash/file-version.ts';
import { LineSplitter } from '../model/looks/line-splitter.ts';
import { ownerOf, Quarantine } from '../model/looks/quarantine.ts';
import type { ImageAnswer, ImageQuestion, ImageReply } from './image-question.ts';

/** A connection with the process that looks; none of these waits, but for `wait`. */
export interface LookChannel {
  /** @returns how many bytes were taken; undefined if nobody is there any more */
  send(bytes: Uint8Array): number | undefined;
  /** @returns what has come; undefined if nobody is there any more */
  receive(): Buffer | undefined;
  /** Holds up the thread until something has come, or so many milliseconds. */
  wait(milliseconds: number): void;
  close(): void;
}

export interface ImageLooksLimits {
  /** Milliseconds for an answer; the event goes on without it then. */
  readonly deadlineMs: number;
  /** … also where it was asked anew of another process. */
  readonly latestMs: number;
  /** Questions under way; events beyond them go without. */
  readonly maxQuestions: number;
  /** Milliseconds after a look that hung in which it is noted of each look that it begins. */
  readonly carefulMs: number;
}

export const IMAGE_LOOKS_LIMITS: ImageLooksLimits = {
  deadlineMs: 250,
  latestMs: 750,
  maxQuestions: 2_048,
  carefulMs: 60_000,
};

export interface ImageLooksCounters {
  /** Events whose look was not done in time … */
  hung: number;
  /** … or was not begun: nobody was there to do it, there was too much to do, or such a look has hung before. */
  refused: number;
}

/** A look for all events of a batch that ask for the same. */
interface Look extends ImageQuestion {
  readonly owner: number;
  readonly dev: string | undefined;
  /** When no event waits for it any more, whatever has become of it. */
  readonly latest: number;
  events: number;
  isDone: boolean;
  times: ImageTimes | undefined;
  version: Pick<FileVersion, 'key' | 'ctimeMs'> | undefined;
}

interface Batch {
  readonly number: number;
  readonly looks: readonly Look[];
  readonly until: number;
  /** The look whose turn it is, if it is known. */
  begun: { readonly index: number; readonly foreign: boolean } | undefined;
  left: number;
  isOverdue: boolean;
}

/** As of a look that is not made. */
const NONE = { isDone: true, times: undefined, version: undefined };

/**
 * Has the files looked at that processes run, by a process of its own: the thread that reads the kernel touches no path.
 * Events wait for the answers, for a quarter of a second at most.
 */
export class ImageLooks {
  readonly counters: ImageLooksCounters = { hung: 0, refused: 0 };
  readonly #now: () => number;
  readonly #onStuck: () => void;
  readonly #onAnswer: () => void;
  readonly #limits: ImageLooksLimits;
  readonly #quarantine: Quarantine;
  readonly #ofEvent = new Map<ProcessEvent, Look>();
  #channel: LookChannel | undefined;
  #lines = new LineSplitter();
  /** Asked for, and not sent. */
  #open = new Map<string, Look>();
  /** Of each path the last of those that name files. */
  readonly #openOf = new Map<string, Look>();
  readonly #sent = new Map<number, Batch>();
  #unsent: Uint8Array | undefined;
  #number = 0;
  #questions = 0;
  /** The process has said that it is there: before that it only starts. */
  #isReady = false;
  /** A look hangs, and its process has not been replaced. */
  #isStuck = false;
  #carefulUntil = Number.NEGATIVE_INFINITY;

  /**
   * @param options `now` is a monotonic clock in milliseconds; `onStuck` asks for another process, `onAnswer` takes that
   *   back
   */
  constructor(options: {
    readonly now: () => number;
    readonly onStuck: () => void;
    readonly onAnswer: () => void;
    readonly limits?: Partial<ImageLooksLimits>;
  }) {
    this.#now = options.now;
    this.#onStuck = options.onStuck;
    this.#onAnswer = options.onAnswer;
    this.#limits = { ...IMAGE_LOOKS_LIMITS, ...options.limits };
    this.#quarantine = new Quarantine(options.now);
  }

  /** Whether answers are waited for. */
  get isWaiting(): boolean {
    return this.#questions > 0;
  }

  /** Begins with a new process, or waits for one; what the one before hangs at is known then. */
  attach(channel: LookChannel | undefined): void {
    this.#take();
    this.#channel?.close();
    this.#channel = channel;
    this.#lines = new LineSplitter();
    this.#unsent = undefined;
    const now = this.#now();
    for (const batch of this.#sent.values()) this.#leave(batch, now);
    this.#sent.clear();
    this.#isStuck = false;
    this.#isReady = false;
  }

  /** Waits for a process that has just been started to be there; not if there is none. */
  awaitReady(milliseconds: number): void {
    const until = this.#now() + milliseconds;
    while (this.#channel !== undefined && !this.#isReady && !this.#isStuck && this.#now() < until) {
      this.#channel.wait(until - this.#now());
      this.#take();
    }
  }

  /** After a process ended or was given up: the question it was working on is dropped, all others are asked again. */
  #leave({ begun, looks, isOverdue }: Batch, now: number): void {
    if (isOverdue || begun !== undefined) this.#carefulUntil = now + this.#limits.carefulMs;
    for (const [index, look] of looks.entries()) {
      if (index === begun?.index) this.#quarantine.add(look, begun.foreign);
      if (look.isDone) continue;
      this.#questions--;
      if (index === begun?.index) this.#give(look, 'hung');
      else this.#add(keyOf(look), look);
    }
  }

  /** Asks for the file of an event; `resultOf` has the answer once it `isReady`. */
  ask(event: ProcessEvent): void {
    const { path } = event;
    if (path === undefined) return;
    // Most events of a batch are of a few files: no more is done for them than this.
    const same = this.#openOf.get(path);
    if (same !== undefined && this.#quarantine.isEmpty && hasFiles(same, event)) {
      same.events++;
      this.#ofEvent.set(event, same);
      return;
    }
    // The event of a new process comes from the one that made it.
    const pid = event.action === 'fork' ? (event.parent ?? event.pid) : event.pid;
    const files = event.files.map(({ inode, dev }) => [inode, dev] as const);
    const subject = { owner: ownerOf(event), path, dev: event.files[0]?.dev };
    const allowed = this.#quarantine.allows(subject);
    const question = { path, pid, files, ...(allowed === 'local' && { localOnly: true }) };
    const key = keyOf(question);
    const known = this.#open.get(key);
    if (known !== undefined) {
      known.events++;
      this.#ofEvent.set(event, known);
      return;
    }
    if (allowed === 'nothing' || this.#channel === undefined || this.#isStuck || !this.#isReady) {
      this.counters.refused++;
      return;
    }
    if (this.#questions >= this.#limits.maxQuestions) {
      this.counters.refused++;
      return;
    }
    const latest = this.#now() + this.#limits.latestMs;
    const look: Look = { ...question, ...subject, ...NONE, latest, isDone: false, events: 1 };
    this.#ofEvent.set(event, look);
    this.#add(key, look);
  }

  #add(key: string, look: Look): void {
    // A repeated question must not replace a newer one for the same file.
    this.#open.set(this.#open.has(key) ? `${key} ${this.#number}.${this.#open.size}` : key, look);
    this.#questions++;
    if (look.files.length > 0) this.#openOf.set(look.path, look);
  }

  /** Whether nothing more is to be expected for an event. */
  isReady(event: ProcessEvent): boolean {
    const look = this.#ofEvent.get(event);
    return look === undefined || look.isDone || this.#now() >= look.latest;
  }

  /** What was found; it is forgotten then. */
  resultOf(event: ProcessEvent): Pick<Look, 'times' | 'version'> {
    const look = this.#ofEvent.get(event);
    this.#ofEvent.delete(event);
    if (look !== undefined && !look.isDone) this.counters.refused++;
    return look ?? NONE;
  }

  /** Sends what was asked for since the last time. */
  send(): void {
    if (this.#open.size === 0 || this.#unsent !== undefined) return;
    if (this.#channel === undefined || this.#isStuck || !this.#isReady) return;
    const looks = [...this.#open.values()];
    this.#open = new Map();
    this.#openOf.clear();
    const now = this.#now();
    const batch = {
      number: ++this.#number,
      looks,
      until: now + this.#limits.deadlineMs,
      begun: undefined,
      left: looks.length,
      isOverdue: false,
    };
    this.#sent.set(batch.number, batch);
    const questions = looks.map(({ path, pid, files, localOnly }) => ({ path, pid, files, localOnly }));
    const message = { batch: batch.number, careful: now < this.#carefulUntil, questions };
    this.#write(Buffer.from(`${JSON.stringify(message)}\n`));
  }

  #write(bytes: Uint8Array): void {
    const sent = this.#channel!.send(bytes);
    if (sent === undefined) this.#stuck();
    else this.#unsent = sent < bytes.length ? bytes.subarray(sent) : undefined;
  }

  /** Takes the answers that have come, after waiting for them for some milliseconds; lets go of what is overdue. */
  settle(waitMs = 0): void {
    if (this.#questions === 0 && this.#isReady && !this.#isStuck) return;
    if (this.#channel !== undefined && this.#questions > 0 && !this.#isStuck) {
      if (this.#unsent !== undefined) this.#write(this.#unsent);
      if (waitMs > 0) this.#channel?.wait(waitMs);
    }
    this.#take();
    this.#expire();
  }

  #take(): void {
    const bytes = this.#channel?.receive();
    if (bytes === undefined) {
      if (this.#channel !== undefined) this.#stuck();
      return;
    }
    if (bytes.length > 0) this.#lines.push(bytes, reply => this.#hear(reply as ImageReply));
  }

  #hear(reply: ImageReply): void {
    this.#isReady = true;
    const batch = this.#sent.get(reply.batch);
    if (batch === undefined) return;
    if ('begins' in reply) {
      batch.begun = { index: reply.begins, foreign: reply.foreign };
      return;
    }
    for (const answer of reply.answers) {
      const look = batch.looks[answer[0]];
      if (answer[0] === batch.begun?.index) batch.begun = undefined;
      batch.left--;
      if (look === undefined || look.isDone) continue;
      this.#questions--;
      if (answer[1] === null) this.#give(look, 'refused');
      else fill(look, answer);
    }
    if (batch.left > 0) return;
    this.#sent.delete(batch.number);
    // It was late, and not stuck.
    if (batch.isOverdue && this.#isStuck) {
      this.#isStuck = false;
      this.#onAnswer();
    }
  }

  #expire(): void {
    const now = this.#now();
    for (const batch of this.#sent.values()) {
      if (now < batch.until) break;
      if (batch.isOverdue) continue;
      batch.isOverdue = true;
      for (const look of batch.looks) {
        if (look.isDone) continue;
        this.#questions--;
        this.#give(look, 'hung');
      }
      this.#stuck();
    }
    // Nobody is there to ask.
    if (this.#isStuck || this.#channel === undefined || !this.#isReady) {
      for (const look of this.#open.values()) {
        this.#questions--;
        this.#give(look, 'refused');
      }
      this.#open.clear();
      this.#openOf.clear();
    }
  }

  #give(look: Look, why: keyof ImageLooksCounters): void {
    look.isDone = true;
    this.counters[why] += look.events;
  }

  #stuck(): void {
    if (this.#isStuck) return;
    this.#isStuck = true;
    this.#onStuck();
  }

  close(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }
}

/** What is the same for events that can share an answer. */
const keyOf = ({ path, pid, files, localOnly }: ImageQuestion): string =>
  // Without files it is the process that says which one is meant.
  `${localOnly === true ? 1 : 0} ${files.length === 0 ? pid : files.map(([inode, dev]) => `${inode} ${dev}`)} ${path}`;

/** Whether an event has recorded the files that a look is about. */
const hasFiles = ({ files }: Look, event: ProcessEvent): boolean =>
  files.length === event.files.length &&
  files.every(
    ([inode, dev], index) => inode === event.files[index]!.inode && dev === event.files[index]!.dev,
  );

const fill = (look: Look, [, times, key, ctimeMs]: ImageAnswer): void => {
  look.isDone = true;
  look.times = times ?? undefined;
  if (key !== undefined && ctimeMs !== undefined) look.version = { key, ctimeMs };
};

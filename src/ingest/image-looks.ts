import type { ProcessEvent } from '../audit/audit-event.ts';
import type { ImageTimes } from '../events/event-table.ts';
import type { FileVersion } from '../model/hash/file-version.ts';
import { LineSplitter } from '../model/looks/line-splitter.ts';
import { ownerOf, Quarantine } from '../model/looks/quarantine.ts';
import type { ImageAnswer, ImageQuestion, ImageReply } from './image-question.ts';

/** A connection to the process that looks. Only `wait` blocks. */
export interface LookChannel {
  /** @returns how many bytes were taken; undefined if the other side is gone */
  send(bytes: Uint8Array): number | undefined;
  /** @returns what has come; undefined if the other side is gone */
  receive(): Buffer | undefined;
  /** Blocks the thread until something has come, or for so many milliseconds. */
  wait(milliseconds: number): void;
  close(): void;
}

export interface ImageLooksLimits {
  /** Milliseconds for an answer; then the event goes on without it. */
  readonly deadlineMs: number;
  /** The same, including a second question to another process. */
  readonly latestMs: number;
  /** Most questions in progress; further events go without. */
  readonly maxQuestions: number;
  /** Milliseconds after a look that hung, during which the beginning of every look is reported. */
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
  /** … or was not begun: nobody was there to do it, there was too much to do, or such a look had hung before. */
  refused: number;
}

/** One look for all events of a batch with the same question. */
interface Look extends ImageQuestion {
  readonly owner: number;
  readonly dev: string | undefined;
  /** Time after which no event waits for it any more, in any case. */
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
  /** The look in progress, if known. */
  begun: { readonly index: number; readonly foreign: boolean } | undefined;
  left: number;
  isOverdue: boolean;
}

/** Stands for a look that is not made. */
const NONE = { isDone: true, times: undefined, version: undefined };

/**
 * Has another process look at the files that processes run, so that the thread that reads the kernel touches no path.
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
  /** Questions that were not sent yet. */
  #open = new Map<string, Look>();
  /** By path, the last question that names files. */
  readonly #openOf = new Map<string, Look>();
  readonly #sent = new Map<number, Batch>();
  #unsent: Uint8Array | undefined;
  #number = 0;
  #questions = 0;
  /** Whether the process has reported that it is ready; before that it is starting. */
  #isReady = false;
  /** Whether a look hangs and its process was not replaced yet. */
  #isStuck = false;
  #carefulUntil = Number.NEGATIVE_INFINITY;

  /**
   * @param options `now` is a monotonic clock in milliseconds; `onStuck` asks for another process, `onAnswer`
   * withdraws that
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

  /** Whether any answer is awaited. */
  get isWaiting(): boolean {
    return this.#questions > 0;
  }

  /** Begins with a new process, or waits for one. It is then known which look made the previous one hang. */
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

  /** Waits until a process that was just started is ready; does not wait if there is none. */
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
    // Most events of a batch concern a few files, so nothing more is done for them than this.
    const same = this.#openOf.get(path);
    if (same !== undefined && this.#quarantine.isEmpty && hasFiles(same, event)) {
      same.events++;
      this.#ofEvent.set(event, same);
      return;
    }
    // The maker of a new process reports it.
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

  /** What was found. It is forgotten afterwards. */
  resultOf(event: ProcessEvent): Pick<Look, 'times' | 'version'> {
    const look = this.#ofEvent.get(event);
    this.#ofEvent.delete(event);
    if (look !== undefined && !look.isDone) this.counters.refused++;
    return look ?? NONE;
  }

  /** Sends the new questions. */
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

  /** Takes the answers that have come, after waiting some milliseconds for them; gives up overdue ones. */
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
    // It was late, and did not hang.
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
    // There is nobody to ask.
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

/** A key that is equal for events that can share an answer. */
const keyOf = ({ path, pid, files, localOnly }: ImageQuestion): string =>
  // Without files, the process determines which one is meant.
  `${localOnly === true ? 1 : 0} ${files.length === 0 ? pid : files.map(([inode, dev]) => `${inode} ${dev}`)} ${path}`;

/** Whether an event recorded the files of a look. */
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

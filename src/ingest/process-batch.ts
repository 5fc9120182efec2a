import type { ProcessEvent } from '../audit/audit-event.ts';
import type { FileVersion } from '../model/hash/file-version.ts';
import type { ModelEvent } from '../model/model-event.ts';

/**
 * Process events and the numbers of their rows, on their way to another thread. Numbers are in one array, and each
 * text is sent once: cloning objects with their property names takes five times as long. Names of programs, files and
 * users come again and again; such texts are sent once and referred to by their place afterwards, so batches must be
 * read in order.
 */
export interface ProcessBatch {
  /** For each event HEADER numbers, then one per argument and two per file. NaN stands for a missing number. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** How many texts the other thread knows; any further ones it has are out of date. */
  readonly known: number;
  /** Texts to be remembered after these. */
  readonly texts: readonly string[];
  /** Texts of this batch only. */
  readonly ownTexts: readonly string[];
}

const HEADER = 21;
/** The place of a missing text. Remembered texts have higher places, the batch's own texts lower ones. */
const NO_TEXT = 0;
/** Instead of the number of arguments if they are not known. */
const NO_ARGUMENTS = -1;
const ACTIONS = ['exec', 'fork', 'kill', 'exit'] as const satisfies readonly ProcessEvent['action'][];

const INITIAL_NUMBERS = 1024;
/** Longest text that is remembered: longer ones rarely come again. */
const SHARED_LENGTH = 256;
/** Most texts that are remembered at once; then all are forgotten. */
const MAX_PLACES = 4096;

/** Gathers process events to be sent. */
export class ProcessBatchWriter {
  #numbers = new Float64Array(INITIAL_NUMBERS);
  #length = 0;
  readonly #places = new Map<string, number>();
  /** How many texts were remembered before this batch. */
  #known = 0;
  #texts: string[] = [];
  #ownTexts: string[] = [];

  /**
   * @param eid number of its row in process_events, if it has one
   * @param image see ModelEvent
   */
  append(event: ProcessEvent, eid: number | undefined, image?: Pick<FileVersion, 'key' | 'ctimeMs'>): void {
    const { argv, files } = event;
    let at = this.#length;
    this.#reserve(HEADER + (argv?.length ?? 0) + 2 * files.length);
    const numbers = this.#numbers;
    numbers[at++] = eid ?? Number.NaN;
    numbers[at++] = ACTIONS.indexOf(event.action);
    numbers[at++] = event.seconds;
    numbers[at++] = event.milliseconds;
    numbers[at++] = event.status ?? Number.NaN;
    numbers[at++] = event.pid;
    numbers[at++] = event.ppid ?? Number.NaN;
    numbers[at++] = event.parent ?? Number.NaN;
    numbers[at++] = event.uid;
    numbers[at++] = event.auid;
    numbers[at++] = event.ses ?? Number.NaN;
    numbers[at++] = this.#place(event.tty);
    numbers[at++] = this.#place(event.comm);
    numbers[at++] = this.#place(event.path);
    numbers[at++] = this.#place(image?.key);
    numbers[at++] = image?.ctimeMs ?? Number.NaN;
    numbers[at++] = argv?.length ?? NO_ARGUMENTS;
    numbers[at++] = files.length;
    numbers[at++] = this.#place(event.node);
    numbers[at++] = this.#place(event.names?.user);
    numbers[at++] = this.#place(event.names?.login);
    if (argv !== undefined) for (const argument of argv) numbers[at++] = this.#place(argument);
    for (const { inode, dev } of files) {
      numbers[at++] = this.#place(inode);
      numbers[at++] = this.#place(dev);
    }
    this.#length = at;
  }

  #place(text: string | undefined): number {
    if (text === undefined) return NO_TEXT;
    if (text.length > SHARED_LENGTH) return -this.#ownTexts.push(text);
    const known = this.#places.get(text);
    if (known !== undefined) return known;
    const place = this.#known + this.#texts.push(text);
    this.#places.set(text, place);
    return place;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#numbers.length) return;
    const numbers = new Float64Array(Math.max(2 * this.#numbers.length, this.#length + more));
    numbers.set(this.#numbers);
    this.#numbers = numbers;
  }

  /** Returns what was added since the last call; undefined if nothing was. */
  take(): ProcessBatch | undefined {
    if (this.#length === 0) return undefined;
    const batch: ProcessBatch = {
      numbers: this.#numbers.slice(0, this.#length),
      known: this.#known,
      texts: this.#texts,
      ownTexts: this.#ownTexts,
    };
    // One event with very many arguments must not take memory for good.
    if (this.#numbers.length > INITIAL_NUMBERS) this.#numbers = new Float64Array(INITIAL_NUMBERS);
    this.#length = 0;
    this.#known += this.#texts.length;
    this.#texts = [];
    this.#ownTexts = [];
    if (this.#known > MAX_PLACES) {
      this.#places.clear();
      this.#known = 0;
    }
    return batch;
  }
}

/** Reads the batches of one writer, each once, in order. */
export class ProcessBatchReader {
  readonly #known: string[] = [];

  /** @param visit receives the events in order; without it the batch only updates the remembered texts */
  read(batch: ProcessBatch, visit?: (event: ModelEvent, eid: number | undefined) => void): void {
    const texts = this.#known;
    texts.length = batch.known;
    for (const text of batch.texts) texts.push(text);
    if (visit !== undefined) forEachProcess(batch, texts, visit);
  }
}

const forEachProcess = (
  { numbers, ownTexts }: ProcessBatch,
  texts: readonly string[],
  visit: (event: ModelEvent, eid: number | undefined) => void,
): void => {
  for (let at = 0; at < numbers.length; ) {
    const argc = numbers[at + 16]!;
    let next = at + HEADER;
    // Created with its final length: an array that grows makes room for seventeen at once.
    let argv: string[] | undefined;
    if (argc !== NO_ARGUMENTS) {
      argv = new Array<string>(argc);
      for (let i = 0; i < argc; i++) argv[i] = textAt(numbers[next++]!, texts, ownTexts)!;
    }
    const files = new Array<ModelEvent['files'][number]>(numbers[at + 17]!);
    for (let i = 0; i < files.length; i++) {
      files[i] = {
        inode: textAt(numbers[next++]!, texts, ownTexts),
        dev: textAt(numbers[next++]!, texts, ownTexts),
      };
    }
    const user = textAt(numbers[at + 19]!, texts, ownTexts);
    const login = textAt(numbers[at + 20]!, texts, ownTexts);
    const key = textAt(numbers[at + 14]!, texts, ownTexts);
    const event: ModelEvent = {
      action: ACTIONS[numbers[at + 1]!]!,
      seconds: numbers[at + 2]!,
      milliseconds: numbers[at + 3]!,
      status: known(numbers[at + 4]!),
      pid: numbers[at + 5]!,
      ppid: known(numbers[at + 6]!),
      parent: known(numbers[at + 7]!),
      uid: numbers[at + 8]!,
      auid: numbers[at + 9]!,
      ses: known(numbers[at + 10]!),
      tty: textAt(numbers[at + 11]!, texts, ownTexts),
      comm: textAt(numbers[at + 12]!, texts, ownTexts),
      path: textAt(numbers[at + 13]!, texts, ownTexts),
      argv,
      files,
      node: textAt(numbers[at + 18]!, texts, ownTexts),
      names: user === undefined && login === undefined ? undefined : { user, login },
      image: key === undefined ? undefined : { key, ctimeMs: numbers[at + 15]! },
    };
    const eid = known(numbers[at]!);
    at = next;
    visit(event, eid);
  }
};

const textAt = (place: number, texts: readonly string[], ownTexts: readonly string[]): string | undefined =>
  place === NO_TEXT ? undefined : place > 0 ? texts[place - 1] : ownTexts[-place - 1];

const known = (value: number): number | undefined => (Number.isNaN(value) ? undefined : value);

import type { ProcessEvent } from '../audit/audit-event.ts';
import type { FileVersion } from './hash/file-version.ts';
import type { ModelEvent } from './model-event.ts';

/**
 * Process events and the numbers of their rows, on their way to another thread. All that is a number stands among the
 * numbers, each text once: to clone objects and the names of their properties takes five times as long.
 */
export interface ProcessBatch {
  /** Per event HEADER numbers, then one per argument and two per file. NaN is a number that is not there. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** What the numbers of texts stand for: NO_TEXT for none. */
  readonly texts: readonly (string | undefined)[];
}

const HEADER = 18;
const NO_TEXT = 0;
/** In place of the number of arguments where they are not known. */
const NO_ARGUMENTS = -1;
const ACTIONS = ['exec', 'fork', 'kill', 'exit'] as const satisfies readonly ProcessEvent['action'][];

const INITIAL_NUMBERS = 1024;
/** Texts that are looked for among those of the batch: longer ones are rarely the same. */
const SHARED_LENGTH = 256;
/** Texts whose places are remembered, over all batches. */
const MAX_PLACES = 4096;

/** Gathers the process events that wait to be sent. */
export class ProcessBatchWriter {
  #numbers = new Float64Array(INITIAL_NUMBERS);
  #length = 0;
  #texts: (string | undefined)[] = [undefined];
  /** Places of texts, counted over all batches: to empty the map for each would make it grow again each time. */
  readonly #places = new Map<string, number>();
  /** How many texts there were in the batches before. */
  #before = 0;

  /**
   * @param eid number of its row of process_events, if it has one
   * @param image see ModelEvent
   */
  append(event: ProcessEvent, eid: number | undefined, image?: FileVersion): void {
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
    if (argv !== undefined) for (const argument of argv) numbers[at++] = this.#place(argument);
    for (const { inode, dev } of files) {
      numbers[at++] = this.#place(inode);
      numbers[at++] = this.#place(dev);
    }
    this.#length = at;
  }

  #place(text: string | undefined): number {
    if (text === undefined) return NO_TEXT;
    const isShared = text.length <= SHARED_LENGTH;
    const known = isShared ? this.#places.get(text) : undefined;
    // An older one is of a batch before.
    if (known !== undefined && known > this.#before) return known - this.#before;
    const place = this.#texts.length;
    if (isShared) this.#places.set(text, this.#before + place);
    this.#texts.push(text);
    return place;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#numbers.length) return;
    const numbers = new Float64Array(Math.max(2 * this.#numbers.length, this.#length + more));
    numbers.set(this.#numbers);
    this.#numbers = numbers;
  }

  /** Hands over what was added since the last time; undefined if nothing was. */
  take(): ProcessBatch | undefined {
    if (this.#length === 0) return undefined;
    const batch = { numbers: this.#numbers.slice(0, this.#length), texts: this.#texts };
    // One event with a great many arguments must not occupy memory for good.
    this.#numbers = new Float64Array(INITIAL_NUMBERS);
    this.#length = 0;
    this.#before += this.#texts.length;
    this.#texts = [undefined];
    if (this.#places.size > MAX_PLACES) this.#places.clear();
    return batch;
  }
}

/** @param visit gets the events in the order in which they were appended */
export const forEachProcess = (
  { numbers, texts }: ProcessBatch,
  visit: (event: ModelEvent, eid: number | undefined) => void,
): void => {
  for (let at = 0; at < numbers.length; ) {
    const argc = numbers[at + 16]!;
    let next = at + HEADER;
    // Of their length from the start: an array that grows takes room for seventeen at once.
    let argv: string[] | undefined;
    if (argc !== NO_ARGUMENTS) {
      argv = new Array<string>(argc);
      for (let i = 0; i < argc; i++) argv[i] = texts[numbers[next++]!]!;
    }
    const files = new Array<ModelEvent['files'][number]>(numbers[at + 17]!);
    for (let i = 0; i < files.length; i++) {
      files[i] = { inode: texts[numbers[next++]!], dev: texts[numbers[next++]!] };
    }
    const key = texts[numbers[at + 14]!];
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
      tty: texts[numbers[at + 11]!],
      comm: texts[numbers[at + 12]!],
      path: texts[numbers[at + 13]!],
      argv,
      files,
      image: key === undefined ? undefined : { key, ctimeMs: numbers[at + 15]! },
    };
    const eid = known(numbers[at]!);
    at = next;
    visit(event, eid);
  }
};

const known = (value: number): number | undefined => (Number.isNaN(value) ? undefined : value);

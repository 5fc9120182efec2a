/**
 * A statement being typed, over node:readline. Node's readline can show and edit a text of several lines if that comes
 * from its history. So a statement that is not complete at Enter is put into the history and called back from there:
 * then its earlier lines can be edited, too.
 */
import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline';
import { type Readable, Writable } from 'node:stream';
import type { Completion } from './completion.ts';
import { MAX_HISTORY_ENTRIES } from './history.ts';

const PROMPT = 'osquery> ';
/** Before the second line of a statement and those after it, where readline cannot edit several lines. */
const CONTINUED = '    ...> ';

export interface LineEditorOptions {
  readonly input: Readable;
  readonly output: Writable;
  /** Newest first. */
  readonly history: readonly string[];
  readonly complete: (before: string, after: string) => Completion;
  /** Called at Enter with all that stands in the editor. */
  readonly onText: (text: string) => void;
  readonly onInterrupt: () => void;
  /** Called at Ctrl-D, or when the input ends. */
  readonly onClose: () => void;
}

export class LineEditor {
  readonly #reader: Interface;
  readonly #output: EditorOutput;
  /** Newest first. */
  readonly #entries: string[];
  /** The array that readline reads. */
  #stored: string[] = [];

  constructor(options: LineEditorOptions) {
    this.#output = new EditorOutput(options.output);
    this.#entries = [...options.history];
    const reader = createInterface({
      input: options.input,
      output: this.#output,
      terminal: true,
      prompt: PROMPT,
      history: this.#entries.map(asStored),
      historySize: MAX_HISTORY_ENTRIES + 1,
      completer: (before: string) => options.complete(before, reader.line.slice(reader.cursor)),
    });
    this.#reader = reader;
    // Readline keeps what was entered line by line; here only whole statements count.
    reader.on('history', (stored: string[]) => {
      this.#stored = stored;
      this.#restoreHistory();
    });
    // A text of several lines comes with the separator of readline's history.
    reader.on('line', text => options.onText(text.replaceAll('\r', '\n')));
    reader.on('SIGINT', options.onInterrupt);
    reader.on('close', options.onClose);
  }

  /** Adds a whole statement to what the arrow keys call back. */
  remember(text: string): void {
    const entry = text.trim();
    if (entry === '') return;
    const previous = this.#entries.indexOf(entry);
    if (previous >= 0) this.#entries.splice(previous, 1);
    this.#entries.unshift(entry);
    this.#entries.length = Math.min(this.#entries.length, MAX_HISTORY_ENTRIES);
    this.#restoreHistory();
  }

  /** Asks for a new statement, or goes on with what was typed while another one ran. */
  prompt(): void {
    this.#reader.setPrompt(PROMPT);
    this.#reader.prompt(true);
  }

  /**
   * Goes on with a text that lacks its end, on a new line.
   *
   * @returns whether it stands in the editor again; else only what follows will be entered
   */
  continueWith(text: string): boolean {
    const wanted = `${text}\n`;
    if (this.#reader.line === '' && this.#reader.terminal) {
      this.#restoreHistory();
      this.#stored.unshift(asStored(wanted));
      // Its rows are on the screen already, above the cursor; readline takes it that it has written them now.
      this.#output.mutely(() => this.#reader.write(null, { name: 'up' }));
      if (this.#reader.line === wanted) {
        this.#reader.prompt(true);
        return true;
      }
      this.#erase();
    }
    this.#reader.setPrompt(CONTINUED);
    this.#reader.prompt(true);
    return false;
  }

  /** Drops what stands in the editor and leaves the cursor on a new line. */
  drop(): void {
    // To the end, so that the next line is below all of it.
    this.#reader.write(null, { ctrl: true, name: 'e' });
    this.#output.write('^C\n');
    this.#erase();
    this.#restoreHistory();
  }

  /** Lets `write` write whole lines above the text that is being typed. */
  above(write: () => void): void {
    const { rows } = this.#reader.getCursorPos();
    moveCursor(this.#output, 0, -rows);
    cursorTo(this.#output, 0);
    clearScreenDown(this.#output);
    write();
    // Readline is to draw from here on, and not from where it began.
    Reflect.set(this.#reader, 'prevRows', 0);
    this.#reader.prompt(true);
  }

  close(): void {
    this.#reader.close();
  }

  #erase(): void {
    this.#output.mutely(() => {
      this.#reader.write(null, { ctrl: true, name: 'e' });
      this.#reader.write(null, { ctrl: true, name: 'u' });
    });
  }

  #restoreHistory(): void {
    this.#stored.splice(0, Number.POSITIVE_INFINITY, ...this.#entries.map(asStored));
    // The next arrow key begins at the newest one.
    Reflect.set(this.#reader, 'historyIndex', -1);
  }
}

/** Readline's form of an entry of several lines: the last line first, separated by carriage returns. */
const asStored = (entry: string): string => entry.split('\n').reverse().join('\r');

/** The terminal, as readline sees it. */
class EditorOutput extends Writable {
  readonly #terminal: Writable & { readonly columns?: number };
  #isMute = false;

  constructor(terminal: Writable & { readonly columns?: number }) {
    super({ decodeStrings: false });
    this.#terminal = terminal;
    terminal.on('resize', () => this.emit('resize'));
  }

  get columns(): number | undefined {
    return this.#terminal.columns;
  }

  /** What `work` writes does not reach the terminal. */
  mutely(work: () => void): void {
    this.#isMute = true;
    try {
      work();
    } finally {
      this.#isMute = false;
    }
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    if (!this.#isMute) this.#terminal.write(chunk);
    done();
  }
}

/**
 * Cuts a stream of text into statements and dot commands, each as soon as it is complete: a statement at the `;`
 * that ends it, outside of quotes and comments, a command at the end of its line.
 */

export interface StatementInput {
  /** `stray`: a line that cannot begin a statement, before one that does; output of another program, say. */
  readonly kind: 'sql' | 'command' | 'stray';
  readonly text: string;
  /** Line on which it begins, from 1. */
  readonly line: number;
}

/** Longest statement taken; what is longer is most likely a file that holds no SQL. */
export const MAX_STATEMENT_LENGTH = 1024 * 1024;

/** A statement went on for more than MAX_STATEMENT_LENGTH characters. */
export class StatementTooLongError extends Error {
  readonly code = 'STATEMENT_TOO_LONG';
}

type State =
  | { readonly kind: 'plain' }
  | { readonly kind: 'quoted'; readonly end: string }
  | { readonly kind: 'lineComment' }
  | { readonly kind: 'blockComment' };

const PLAIN: State = { kind: 'plain' };
const QUOTES: Readonly<Record<string, string>> = { "'": "'", '"': '"', '`': '`', '[': ']' };

const BLANK = /^\s*$/;

/** The words a statement can begin with. Source: the grammar in SQLite's documentation, `sql-stmt`. */
const STATEMENT_WORDS = new Set(
  (
    'alter analyze attach begin commit create delete detach drop end explain insert pragma reindex release ' +
    'replace rollback savepoint select update vacuum values with'
  ).split(' '),
);
/** The first word behind blanks and comments. */
const FIRST_WORD = /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*([A-Za-z]+)/;

const beginsStatement = (text: string): boolean =>
  STATEMENT_WORDS.has(FIRST_WORD.exec(text)?.[1]?.toLowerCase() ?? '');

export class StatementSplitter {
  #state: State = PLAIN;
  /** The statement so far. */
  #text = '';
  /** Something other than blanks and comments has been seen in it. */
  #hasContent = false;
  #startLine = 1;
  #line = 1;
  /** How far the current text has been looked at. */
  #at = 0;

  /** True when a statement has begun and not ended. */
  get pending(): boolean {
    return this.#hasContent || this.#state.kind === 'blockComment';
  }

  /** Takes more of the stream and returns what it completes. */
  push(more: string): StatementInput[] {
    this.#text += more;
    const complete: StatementInput[] = [];
    for (;;) {
      const found = this.#next(false);
      if (found === undefined) break;
      complete.push(found);
    }
    if (this.#text.length > MAX_STATEMENT_LENGTH) {
      const line = this.#startLine;
      this.reset();
      throw new StatementTooLongError(
        `expected a statement of at most ${MAX_STATEMENT_LENGTH} characters, the one that begins on line ${line} is longer`,
      );
    }
    return complete;
  }

  /** The end of the stream: what is left, if it is more than blanks and comments. Core runs it too. */
  finish(): StatementInput[] {
    const complete: StatementInput[] = [];
    for (;;) {
      const found = this.#next(true);
      if (found === undefined) break;
      complete.push(found);
    }
    if (this.#hasContent) complete.push({ kind: 'sql', text: this.#text.trim(), line: this.#startLine });
    this.reset();
    return complete;
  }

  /** Forgets what has begun. */
  reset(): void {
    this.#text = '';
    this.#at = 0;
    this.#state = PLAIN;
    this.#hasContent = false;
    this.#startLine = this.#line;
  }

  #take(kind: StatementInput['kind'], end: number): StatementInput {
    const found: StatementInput = { kind, text: this.#text.slice(0, end).trim(), line: this.#startLine };
    this.#text = this.#text.slice(end);
    this.#at = 0;
    this.#state = PLAIN;
    this.#hasContent = false;
    this.#startLine = this.#line;
    return found;
  }

  #next(ended: boolean): StatementInput | undefined {
    while (this.#at < this.#text.length) {
      const text = this.#text;
      const character = text[this.#at]!;
      if (character === '.' && !this.#hasContent && this.#state === PLAIN && this.#beginsLine()) {
        const newline = text.indexOf('\n', this.#at);
        if (newline < 0 && !ended) return undefined;
        const end = newline < 0 ? text.length : newline + 1;
        // Comments before a command are no part of it.
        this.#text = text.slice(this.#at);
        if (newline >= 0) this.#line += 1;
        return this.#take('command', end - this.#at);
      }
      if (character === '\n' && this.#hasContent && !beginsStatement(text.slice(0, this.#at))) {
        const nextLine = text.slice(this.#at + 1);
        if (/^[ \t]*[A-Za-z]*$/.test(nextLine) && !ended) return undefined;
        if (beginsStatement(nextLine)) {
          this.#line += 1;
          return this.#take('stray', this.#at + 1);
        }
        // A quote that such a line leaves open must not swallow the statements behind it.
        this.#state = PLAIN;
      }
      // Whether `-` or `/` begins a comment is known with the next character only.
      if ((character === '-' || character === '/') && this.#at + 1 >= text.length && !ended) return undefined;
      // So it is with the `*` that may end one.
      if (this.#state.kind === 'blockComment' && character === '*' && this.#at + 1 >= text.length)
        return undefined;
      if (this.#step(character, text[this.#at + 1])) return this.#take('sql', this.#at);
    }
    return undefined;
  }

  #beginsLine(): boolean {
    const lineStart = this.#text.lastIndexOf('\n', this.#at - 1) + 1;
    return this.#at === 0 || BLANK.test(this.#text.slice(lineStart, this.#at));
  }

  /** Goes over one character, or the two of a comment's mark; true when it ended a statement. */
  #step(character: string, next: string | undefined): boolean {
    const state = this.#state;
    this.#at += 1;
    if (character === '\n') {
      this.#line += 1;
      if (!this.#hasContent) this.#startLine = this.#line;
    }
    switch (state.kind) {
      case 'quoted':
        // A doubled quote ends and begins again, which comes to the same.
        if (character === state.end) this.#state = PLAIN;
        return false;
      case 'lineComment':
        if (character === '\n') this.#state = PLAIN;
        return false;
      case 'blockComment':
        if (character === '*' && next === '/') {
          this.#at += 1;
          this.#state = PLAIN;
        }
        return false;
      case 'plain': {
        if (character === '-' && next === '-') {
          this.#at += 1;
          this.#state = { kind: 'lineComment' };
          return false;
        }
        if (character === '/' && next === '*') {
          this.#at += 1;
          this.#state = { kind: 'blockComment' };
          return false;
        }
        if (character === ';') {
          if (this.#hasContent) return true;
          // An empty statement is none.
          this.#text = this.#text.slice(this.#at);
          this.#at = 0;
          return false;
        }
        const end = QUOTES[character];
        if (end !== undefined) this.#state = { kind: 'quoted', end };
        if (!BLANK.test(character)) this.#hasContent = true;
        return false;
      }
    }
  }
}

/**
 * Cuts a stream of text into statements and dot commands, each as soon as it is complete: a statement at the `;`
 * that ends it, outside of quotes and comments, a command at the end of its line.
 *
 * It goes over one character at a time and never looks at the next one: what it does cannot depend on how the text
 * arrives.
 */
import { StatementEnd } from './statement-end.ts';

export interface StatementInput {
  /**
   * `stray`: a line that cannot begin a statement, before one that does; output of another program, say. `tooLong`: the
   * beginning of a statement that went on for more than MAX_STATEMENT_LENGTH characters; what follows is taken for the
   * next one.
   */
  readonly kind: 'sql' | 'command' | 'stray' | 'tooLong';
  /** Of what is too long, nothing. */
  readonly text: string;
  /** Line on which it begins, from 1. */
  readonly line: number;
}

/** Longest statement taken; what is longer is most likely no SQL. */
export const MAX_STATEMENT_LENGTH = 1024 * 1024;

/** Where a character stands. `dash` and `slash`: behind one, which may begin a comment; `star`: it may end one. */
type Place = 'plain' | 'dash' | 'slash' | 'quoted' | 'lineComment' | 'blockComment' | 'star' | 'command';

const QUOTES: Readonly<Record<string, string>> = { "'": "'", '"': '"', '`': '`', '[': ']' };

const BLANK = /\s/;
/** Of identifiers and keywords. Source: SQLite's tokenizer. */
const WORD_CHARACTER = /[\w$\u0080-\uffff]/;
/** What is kept of a word: more than any keyword has. */
const WORD_LENGTH = 16;

/** The words a statement can begin with. Source: the grammar in SQLite's documentation, `sql-stmt`. */
const STATEMENT_WORDS = new Set(
  (
    'alter analyze attach begin commit create delete detach drop end explain insert pragma reindex release ' +
    'replace rollback savepoint select update vacuum values with'
  ).split(' '),
);

/** What is known of the statement being read. */
class Statement {
  place: Place = 'plain';
  /** Character that ends the quote. */
  quote = '';
  /** The word being read. */
  word = '';
  /** Line of the first character that is no blank and in no comment; undefined before that. */
  line: number | undefined;
  /** It does not begin with a word that a statement begins with; undefined as long as that is not known. */
  isStray: boolean | undefined;
  /** Of stray text: the last beginning of a line, if only blanks and comments have come since. A statement may begin there. */
  nextLine: { readonly at: number; readonly line: number } | undefined;
  /** Only blanks have come on this line. */
  isLineBlank = true;
  readonly end = new StatementEnd();
}

export class StatementSplitter {
  readonly #maxLength: number;
  /** The statement so far, and what has not been looked at. */
  #text = '';
  /** How much of that has been looked at. */
  #at = 0;
  #line = 1;
  #statement = new Statement();

  constructor(maxLength = MAX_STATEMENT_LENGTH) {
    this.#maxLength = maxLength;
  }

  /** True when a statement has begun and not ended. */
  get pending(): boolean {
    const { line, place } = this.#statement;
    return line !== undefined || place === 'blockComment' || place === 'star';
  }

  /** Takes more of the stream and returns what it completes. */
  push(more: string): StatementInput[] {
    this.#text += more;
    const complete: StatementInput[] = [];
    while (this.#at < this.#text.length) {
      const found = this.#step(this.#text[this.#at]!);
      if (found !== undefined) complete.push(found);
    }
    return complete;
  }

  /** The end of the stream: what is left, if it is more than blanks and comments. Core runs it too. */
  finish(): StatementInput[] {
    const stray = this.#endToken();
    if (stray !== undefined) return [stray, ...this.push(''), ...this.finish()];
    const { place, line } = this.#statement;
    const kind = place === 'command' ? 'command' : 'sql';
    const rest = line === undefined ? [] : [this.#take(kind, this.#text.length)];
    this.reset();
    return rest;
  }

  /** Forgets what has begun. */
  reset(): void {
    this.#text = '';
    this.#at = 0;
    this.#statement = new Statement();
  }

  /** Goes over one character, unless it ends stray text before it, and returns what is complete now. */
  #step(character: string): StatementInput | undefined {
    const statement = this.#statement;
    const { place, isLineBlank } = statement;
    const opensComment = (place === 'dash' && character === '-') || (place === 'slash' && character === '*');
    if (!opensComment && !(place === 'plain' && isOfWord(character))) {
      const stray = this.#endToken();
      if (stray !== undefined) return stray;
    }
    this.#at++;
    if (character === '\n') this.#beginLine();
    else if (!BLANK.test(character)) statement.isLineBlank = false;
    if (this.#at > this.#maxLength) return this.#take('tooLong', this.#at);
    switch (statement.place) {
      case 'plain':
        return this.#plain(character, isLineBlank);
      case 'dash':
        statement.place = 'lineComment';
        return undefined;
      case 'slash':
        statement.place = 'blockComment';
        return undefined;
      case 'quoted':
        // A doubled quote ends and begins again, which comes to the same.
        if (character === statement.quote) statement.place = 'plain';
        return undefined;
      case 'lineComment':
        if (character === '\n') statement.place = 'plain';
        return undefined;
      case 'blockComment':
      case 'star':
        if (character === '/' && statement.place === 'star') statement.place = 'plain';
        else statement.place = character === '*' ? 'star' : 'blockComment';
        return undefined;
      case 'command':
        return character === '\n' ? this.#take('command', this.#at) : undefined;
    }
  }

  #plain(character: string, isLineBlank: boolean): StatementInput | undefined {
    const statement = this.#statement;
    if (character === ';') return this.#semicolon();
    if (BLANK.test(character)) return undefined;
    if (character === '.' && statement.line === undefined && isLineBlank) {
      // Comments before a command are no part of it.
      this.#text = this.#text.slice(this.#at - 1);
      this.#at = 1;
      statement.place = 'command';
      statement.line = this.#line;
    } else if (character === '-' || character === '/') {
      statement.place = character === '-' ? 'dash' : 'slash';
    } else if (isOfWord(character)) {
      statement.line ??= this.#line;
      if (statement.word.length < WORD_LENGTH) statement.word += character;
    } else {
      statement.quote = QUOTES[character] ?? '';
      if (statement.quote !== '') statement.place = 'quoted';
      this.#other();
    }
    return undefined;
  }

  #semicolon(): StatementInput | undefined {
    const { line, end } = this.#statement;
    if (line !== undefined) return end.semicolon() ? this.#take('sql', this.#at) : undefined;
    // An empty statement is none.
    this.#text = this.#text.slice(this.#at);
    this.#at = 0;
    this.#statement = new Statement();
    return undefined;
  }

  /** A quote or an operator. */
  #other(): void {
    const statement = this.#statement;
    statement.line ??= this.#line;
    statement.isStray ??= true;
    statement.nextLine = undefined;
    statement.end.other();
  }

  /** With the next character it is known that a `-` or `/` began no comment, and what a word is. */
  #endToken(): StatementInput | undefined {
    const statement = this.#statement;
    const { place, nextLine } = statement;
    if (place === 'dash' || place === 'slash') {
      statement.place = 'plain';
      this.#other();
    }
    if (statement.word === '') return undefined;
    const word = statement.word.toLowerCase();
    statement.word = '';
    statement.end.word(word);
    const begins = STATEMENT_WORDS.has(word);
    statement.isStray ??= !begins;
    if (begins && nextLine !== undefined) return this.#take('stray', nextLine.at, nextLine.line);
    statement.nextLine = undefined;
    return undefined;
  }

  #beginLine(): void {
    const statement = this.#statement;
    this.#line++;
    statement.isLineBlank = true;
    if (statement.isStray !== true || statement.nextLine !== undefined) return;
    // A quote that such a line leaves open must not swallow the statements behind it.
    statement.place = 'plain';
    statement.nextLine = { at: this.#at, line: this.#line };
  }

  /** Takes the first `end` characters; what stands behind them, on `nextLine`, is looked at next. */
  #take(kind: StatementInput['kind'], end: number, nextLine = this.#line): StatementInput {
    const { line = this.#line } = this.#statement;
    const text = kind === 'tooLong' ? '' : this.#text.slice(0, end).trim();
    this.#text = this.#text.slice(end);
    this.#at = 0;
    this.#line = nextLine;
    this.#statement = new Statement();
    return { kind, text, line };
  }
}

const isOfWord = (character: string): boolean => WORD_CHARACTER.test(character) && !BLANK.test(character);

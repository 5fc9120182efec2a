/**
 * Cuts a stream of text into statements and dot commands, each as soon as it is complete: a statement at the `;` that
 * ends it, outside quotes and comments; a command at the end of its line.
 *
 * It takes one character at a time and never looks ahead, so the result cannot depend on how the text arrives in
 * pieces.
 */
import { StatementEnd } from './statement-end.ts';

export interface StatementInput {
  /**
   * `stray`: a line that cannot begin a statement, such as output of another program, before one that does.
   * `tooLong`: the beginning of a statement of more than MAX_STATEMENT_LENGTH characters; what follows is taken as
   * the next statement.
   */
  readonly kind: 'sql' | 'command' | 'stray' | 'tooLong';
  /** Empty if the statement is too long. */
  readonly text: string;
  /** Line on which it begins, from 1. */
  readonly line: number;
}

/** Longest statement taken. A longer text is most likely not SQL. */
export const MAX_STATEMENT_LENGTH = 1024 * 1024;

/**
 * The context of a character. `dash` and `slash`: behind such a character, which may begin a comment; `star`: behind
 * one that may end a comment.
 */
type Place = 'plain' | 'dash' | 'slash' | 'quoted' | 'lineComment' | 'blockComment' | 'star' | 'command';

const QUOTES: Readonly<Record<string, string>> = { "'": "'", '"': '"', '`': '`', '[': ']' };

const BLANK = /\s/;
/** A character of identifiers and keywords. Source: SQLite's tokenizer. */
const WORD_CHARACTER = /[\w$\u0080-\uffff]/;
/** Characters kept of a word: more than any keyword has. */
const WORD_LENGTH = 16;

/** The words a statement can begin with. Source: the grammar in SQLite's documentation, `sql-stmt`. */
const STATEMENT_WORDS = new Set(
  (
    'alter analyze attach begin commit create delete detach drop end explain insert pragma reindex release ' +
    'replace rollback savepoint select update vacuum values with'
  ).split(' '),
);

/** The state of the statement being read. */
class Statement {
  place: Place = 'plain';
  /** The character that ends the quote. */
  quote = '';
  /** The word being read. */
  word = '';
  /** Line of the first character that is neither blank nor in a comment; undefined before that. */
  line: number | undefined;
  /** Whether it does not begin with a word that begins statements; undefined until that is known. */
  isStray: boolean | undefined;
  /**
   * In stray text: the last beginning of a line that is followed only by blanks and comments. A statement may begin
   * there.
   */
  nextLine: { readonly at: number; readonly line: number } | undefined;
  /** Whether only blanks came on this line. */
  isLineBlank = true;
  readonly end = new StatementEnd();
}

export class StatementSplitter {
  readonly #maxLength: number;
  /** The statement so far, and the text that was not looked at yet. */
  #text = '';
  /** Length of the part that was looked at. */
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

  /** The unfinished statement. */
  get text(): string {
    return this.#text;
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

  /** The end of the stream: returns what is left, if it is more than blanks and comments. Core runs it too. */
  finish(): StatementInput[] {
    const stray = this.#endToken();
    if (stray !== undefined) return [stray, ...this.push(''), ...this.finish()];
    const { place, line } = this.#statement;
    const kind = place === 'command' ? 'command' : 'sql';
    const rest = line === undefined ? [] : [this.#take(kind, this.#text.length)];
    this.reset();
    return rest;
  }

  /** Forgets the unfinished statement. */
  reset(): void {
    this.#text = '';
    this.#at = 0;
    this.#statement = new Statement();
  }

  /** Takes one character, unless it ends stray text before it. Returns what is complete now. */
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
        // A doubled quote ends the quote and begins it again, which gives the same result.
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
      // Comments before a command do not belong to it.
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
    // An empty statement is dropped.
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

  /** The next character tells that a `-` or `/` began no comment, and which word was read. */
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
    // A quote that a stray line leaves open must not swallow the statements behind it.
    statement.place = 'plain';
    statement.nextLine = { at: this.#at, line: this.#line };
  }

  /** Takes the first `end` characters. The rest, which begins on `nextLine`, is looked at next. */
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

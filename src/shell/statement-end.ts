/**
 * Tells which `;` ends a statement: each one, but inside of a trigger only that of `; END;`.
 *
 * Source: the states of SQLite's complete.c, by which sqlite3_complete() goes. That function itself is given a whole text and
 * looks at all of it each time; here each token is looked at once.
 */

type State = 'start' | 'explain' | 'create' | 'normal' | 'trigger' | 'semicolon' | 'end';

export class StatementEnd {
  #state: State = 'start';

  /** Takes a `;`; true when it ends the statement. */
  semicolon(): boolean {
    const isInTrigger = this.#state === 'trigger' || this.#state === 'semicolon';
    this.#state = isInTrigger ? 'semicolon' : 'start';
    return !isInTrigger;
  }

  /** Takes anything but blanks, comments and words: a quote, an operator. */
  other(): void {
    this.word('');
  }

  /** @param word in small letters */
  word(word: string): void {
    this.#state = after(this.#state, word);
  }
}

const after = (state: State, word: string): State => {
  switch (state) {
    case 'start':
      return word === 'explain' || word === 'create' ? word : 'normal';
    case 'explain':
      if (word === 'create') return 'create';
      // Such as QUERY PLAN.
      return ['explain', 'temp', 'temporary', 'trigger', 'end'].includes(word) ? 'normal' : 'explain';
    case 'create':
      if (word === 'trigger') return 'trigger';
      return word === 'temp' || word === 'temporary' ? 'create' : 'normal';
    case 'normal':
      return 'normal';
    case 'semicolon':
      return word === 'end' ? 'end' : 'trigger';
    case 'trigger':
    case 'end':
      return 'trigger';
  }
};

/**
 * Decides which `;` ends a statement: every one, except inside a trigger, where only that of `; END;` does.
 *
 * Source: the states of SQLite's complete.c, which sqlite3_complete() uses. That function takes the whole text each
 * time; this one looks at each token once.
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

  /** Takes anything but blanks, comments and words, such as a quote or an operator. */
  other(): void {
    this.word('');
  }

  /** @param word in lower case */
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
      // Such as EXPLAIN QUERY PLAN.
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

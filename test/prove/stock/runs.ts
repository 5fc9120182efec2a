/** The start of a scheduled query, as core's verbose log has it. */
export interface Run {
  readonly name: string;
  /** Milliseconds since the epoch, of the line's arrival. */
  readonly at: number;
}

const STARTED = /Executing scheduled query ([^:]+):/;

/** Follows which scheduled queries of a core run when, line by line of its log. */
export class Runs {
  readonly #runs: Run[] = [];
  #rest = '';

  /** Takes in a piece of the log. */
  read(text: string, now: number): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const name = STARTED.exec(line)?.[1];
      if (name !== undefined) this.#runs.push({ name, at: now });
    }
  }

  of(name: string): readonly Run[] {
    return this.#runs.filter(run => run.name === name);
  }

  get all(): readonly Run[] {
    return this.#runs;
  }

  /** Longest time in milliseconds from the start of one query to the start of the next, or to `now` from the last. */
  longestPause(now: number): number {
    let longest = 0;
    for (const [index, { at }] of this.#runs.entries()) {
      longest = Math.max(longest, (this.#runs[index + 1]?.at ?? now) - at);
    }
    return longest;
  }
}

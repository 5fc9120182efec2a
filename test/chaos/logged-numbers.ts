/** The number of a program of the load `numbered-execs`; undefined for any other. */
export const loadNumber = (cmdline: string | undefined): number | undefined => {
  const [, number] = /^true (\d+)$/.exec(cmdline ?? '') ?? [];
  return number === undefined ? undefined : Number(number);
};

/** Rows of the load `numbered-execs` that core has logged. */
export class LoggedNumbers {
  readonly #numbers = new Set<number>();
  repeated = 0;

  get count(): number {
    return this.#numbers.size;
  }

  add(cmdline: string | undefined): void {
    const number = loadNumber(cmdline);
    if (number === undefined) return;
    if (this.#numbers.has(number)) this.repeated++;
    this.#numbers.add(number);
  }
}

/** Rows of the load `numbered-execs` that core has logged. */
export class LoggedNumbers {
  readonly #numbers = new Set<number>();
  repeated = 0;
  highest = -1;

  get count(): number {
    return this.#numbers.size;
  }

  add(cmdline: string | undefined): void {
    const [, number] = /^true (\d+)$/.exec(cmdline ?? '') ?? [];
    if (number === undefined) return;
    if (this.#numbers.has(Number(number))) this.repeated++;
    this.#numbers.add(Number(number));
    this.highest = Math.max(this.highest, Number(number));
  }
}

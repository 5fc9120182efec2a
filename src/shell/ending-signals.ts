const SIGNALS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/** The exit status of a program that a closed pipe ended. */
export const STATUS_SIGPIPE = 128 + 13;

/** The signals that end a program in order. */
export class EndingSignals {
  /** Exit status of the first signal. */
  status: number | undefined;
  readonly #ending = new AbortController();
  #interrupted: (() => void) | undefined;

  constructor() {
    for (const signal of Object.keys(SIGNALS)) process.on(signal, this.#onSignal);
  }

  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  /** The next Ctrl-C does this, and does not end the program; undefined: it does end it. */
  onceInterrupted(handle: (() => void) | undefined): void {
    this.#interrupted = handle;
  }

  close(): void {
    for (const signal of Object.keys(SIGNALS)) process.removeListener(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    const interrupted = signal === 'SIGINT' ? this.#interrupted : undefined;
    this.#interrupted = undefined;
    if (interrupted !== undefined) {
      interrupted();
      return;
    }
    this.status ??= 128 + (SIGNALS[signal] ?? 0);
    this.#ending.abort();
  };
}

/**
 * An extension's process, started and supervised as osqueryd does with an autoloaded `.ext`: same arguments, own
 * process group, started again when it ends; stopped by Thrift's shutdown, then SIGTERM, then SIGKILL.
 */
import { type ChildProcess, spawn } from 'node:child_process';

export interface ExtensionCommand {
  /** Executable. */
  readonly path: string;
  /** Arguments before core's: `main.ts` if the executable is node. */
  readonly args: readonly string[];
  /** Arguments after core's that osqueryd would not give, such as `--replay=FILE`. */
  readonly moreArgs?: readonly string[];
  /** Whether it reads the standard input of this process. */
  readonly readsStdin?: boolean;
}

export interface ExtensionProcessOptions {
  readonly command: ExtensionCommand;
  readonly socketPath: string;
  /** Seconds, core's `extensions_timeout` and `extensions_interval`. */
  readonly timeout: number;
  readonly interval: number;
  readonly verbose: boolean;
  readonly log: (level: 'info' | 'warning' | 'error', message: string) => void;
  /** Milliseconds for each way of stopping it. */
  readonly stopGraceMs?: number;
  /** Least milliseconds between two starts. */
  readonly respawnAfterMs?: number;
  /** Where its output goes. A shell's extension writes to the same place as the shell. */
  readonly stdio?: 'inherit' | 'ignore' | readonly ['ignore', number, number];
}

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The exit status that a shell would report: 128 and the signal's number if a signal ended it. */
export const shellStatus = ({ code, signal }: ExitStatus): number => {
  if (code !== null) return code;
  const numbers: Readonly<Partial<Record<NodeJS.Signals, number>>> = {
    SIGHUP: 1,
    SIGINT: 2,
    SIGKILL: 9,
    SIGSEGV: 11,
    SIGTERM: 15,
  };
  return 128 + (signal === null ? 0 : (numbers[signal] ?? 0));
};

/** Milliseconds since the previous start. Core looks every few seconds, and warns about less than four. */
const DEFAULT_RESPAWN_AFTER_MS = 3_000;
const RESPAWN_TOO_QUICK_MS = 4_000;
/** For each of the three ways of stopping it. */
const DEFAULT_STOP_GRACE_MS = 2_000;

export class ExtensionProcess {
  readonly #options: ExtensionProcessOptions;
  #child: ChildProcess | undefined;
  #exit: Promise<ExitStatus> = Promise.resolve({ code: 0, signal: null });
  #startedAt = 0;
  #stopping = false;
  #respawn: NodeJS.Timeout | undefined;
  #supervised = false;

  constructor(options: ExtensionProcessOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it. The promise resolves when this process has ended, and rejects if it cannot be started. */
  start(): Promise<ExitStatus> {
    const { command, socketPath, timeout, interval, verbose, stdio } = this.#options;
    const args = [
      ...command.args,
      ...(verbose ? ['--verbose'] : []),
      '--socket',
      socketPath,
      '--timeout',
      String(timeout),
      '--interval',
      String(interval),
      ...(command.moreArgs ?? []),
    ];
    const output = stdio ?? 'inherit';
    const child = spawn(command.path, args, {
      // In a process group of its own it does not get the terminal's Ctrl-C: core decides when it ends.
      detached: true,
      stdio:
        output === 'inherit'
          ? [command.readsStdin === true ? 'inherit' : 'ignore', 'inherit', 'inherit']
          : [...(output === 'ignore' ? ['ignore' as const, 'ignore' as const, 'ignore' as const] : output)],
      env: { ...process.env, OSQUERY_EXTENSION: String(process.pid) },
    });
    this.#child = child;
    this.#startedAt = performance.now();
    this.#exit = new Promise<ExitStatus>((resolve, reject) => {
      child.once('error', cause => {
        const error = new Error(`cannot start the extension ${command.path}: ${cause.message}`, { cause });
        reject(error);
        if (this.#supervised && !this.#stopping) this.#restart(error.message);
      });
      child.once('exit', (code, signal) => {
        resolve({ code, signal });
        if (this.#child === child) this.#child = undefined;
        if (this.#supervised && !this.#stopping) {
          const how = signal === null ? `with status ${code}` : `by ${signal}`;
          this.#restart(`the extension ended ${how}; starting it again`);
        }
      });
    });
    this.#exit.catch(() => {});
    return this.#exit;
  }

  interrupt(): void {
    this.#child?.kill('SIGINT');
  }

  /** From now on it is started again whenever it ends. */
  supervise(): void {
    this.#supervised = true;
  }

  /**
   * Ends it by all means; resolves when the process is gone. `shutdown` asks it over Thrift first, and resolves with
   * false if there was nobody to ask.
   */
  async stop(shutdown: () => Promise<boolean>): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#respawn);
    const child = this.#child;
    if (child === undefined) return;
    const graceMs = this.#options.stopGraceMs ?? DEFAULT_STOP_GRACE_MS;
    const gone = this.#exit.then(
      () => true,
      () => true,
    );
    const endsWithin = (milliseconds: number): Promise<boolean> => {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const timer = setTimeout(() => resolve(false), milliseconds);
      void gone.then(() => {
        clearTimeout(timer);
        resolve(true);
      });
      return promise;
    };
    // The request is bounded too: a hung extension may accept the connection and never answer.
    const asked = await Promise.race([shutdown().catch(() => false), endsWithin(graceMs)]);
    if (asked && (await endsWithin(graceMs))) return;
    child.kill('SIGTERM');
    if (await endsWithin(graceMs)) return;
    this.#options.log('warning', `the extension (pid ${child.pid}) does not end on SIGTERM: killing it`);
    child.kill('SIGKILL');
    await gone;
  }

  #restart(why: string): void {
    const { log } = this.#options;
    const ran = performance.now() - this.#startedAt;
    log('warning', why);
    if (ran < RESPAWN_TOO_QUICK_MS)
      log('warning', `Extension respawning too quickly: ${this.#options.command.path}`);
    this.#respawn = setTimeout(
      () => {
        // Its events report what becomes of it.
        void this.start();
      },
      Math.max(0, (this.#options.respawnAfterMs ?? DEFAULT_RESPAWN_AFTER_MS) - ran),
    );
  }
}

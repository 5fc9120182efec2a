import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../runtime/message-of.ts';
import type { LateColumns } from '../late-columns.ts';
import { PersistedTable, type TableChange, type TableInMemory } from './persisted-table.ts';
import { openStateDirectory, type StateDirectory } from './state-directory.ts';
import { ValueLog } from './value-log.ts';

/** Most milliseconds that a row is in memory only. */
const SAVE_MS = 250;
/** How often counters are saved while no rows come, in milliseconds. Collecting them costs more than the rest of a save. */
const ACCOUNTS_MS = 1_000;
/** Most milliseconds that a SELECT waits for the disk: a disk that hangs must not stop queries. */
const ANSWER_MS = 1_000;
/** Milliseconds between two checks that the directory still exists. */
const CHECK_MS = 5_000;
/** Milliseconds before a failed disk is tried again. */
const RETRY_MS = 5_000;
/** Least milliseconds between two warnings. */
const WARN_MS = 60_000;

const ACCOUNTS = 'accounts';
/** File of positions, cursors and accounts. */
const POSITIONS = 'positions';

export interface PersistenceCounters {
  /** Rows found at the start. */
  restored: number;
  /** Bytes at the start that could not be read: a last write that was cut off, or damage. */
  lostBytes: number;
  /** How often the disk refused a write; each is tried again. */
  failures: number;
}

/**
 * Saves buffered rows, their numbers and the cursors of queries in a directory, so that they outlive the process.
 *
 * Rows are written within SAVE_MS, directly from the buffers, by Node's I/O threads. Before a scheduled query is
 * answered, its rows and then its cursor are on disk, so that after a kill it gets no row twice. Written means passed
 * to the system, which outlives the process but not a loss of power.
 */
export class Persistence {
  readonly counters: PersistenceCounters = { restored: 0, lostBytes: 0, failures: 0 };
  #directory: StateDirectory;
  #values: ValueLog;
  readonly #warn: (message: string) => void;
  readonly #tables = new Map<string, PersistedTable>();
  #accounts: () => unknown = () => undefined;
  #progress: () => unknown = () => undefined;
  #savedProgress: unknown;
  #savedAccounts: string | undefined;
  #accountsAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;
  #retryAt = 0;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #isFailing = false;
  #isClosed = false;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #onAnew: () => void = () => {};

  private constructor(directory: StateDirectory, values: ValueLog, warn: (message: string) => void) {
    this.#directory = directory;
    this.#values = values;
    this.#warn = warn;
  }

  /**
   * Reads a directory and fills the tables from it.
   *
   * @param path made if it does not exist
   * @throws Error that says why there can be no state
   */
  static async open(
    path: string,
    tables: Iterable<TableInMemory>,
    warn: (message: string) => void,
  ): Promise<Persistence> {
    const directory = await openStateDirectory(path);
    try {
      const { log, lostBytes } = ValueLog.open(join(directory.path, POSITIONS));
      const persistence = new Persistence(directory, log, warn);
      const { counters } = persistence;
      counters.lostBytes = lostBytes;
      for (const table of tables) {
        const kept = new PersistedTable(directory.path, log, table);
        counters.lostBytes += kept.lostBytes;
        counters.restored += table.buffer.rowCount;
        persistence.#tables.set(table.name, kept);
      }
      return persistence;
    } catch (error) {
      directory.release();
      throw error;
    }
  }

  get path(): string {
    return this.#directory.path;
  }

  /** The accounts as last written; see `start`. */
  get accounts(): unknown {
    return this.#values.get(ACCOUNTS);
  }

  /** Returns the saved late values of a table, and saves those that come from now on. */
  keepLate(table: string, lateColumns: LateColumns): void {
    this.#tables.get(table)!.keepLate(lateColumns);
  }

  /**
   * @param accounts other data to save, as of the rows that are in the buffers when it is called
   * @param progress returns another object as soon as the accounts have something that must not wait
   */
  start(accounts: () => unknown, progress: () => unknown = () => undefined): void {
    this.#accounts = accounts;
    this.#progress = progress;
    this.#timer = setInterval(() => void this.#write(), SAVE_MS);
  }

  /** Resolves when everything up to now is on disk, or waiting for the disk has been given up. Never rejects. */
  async save(): Promise<void> {
    this.#accountsAt = Number.NEGATIVE_INFINITY;
    const written = new AbortController();
    const stalled = sleep(ANSWER_MS, undefined, { signal: written.signal }).catch(() => {});
    await Promise.race([this.#write(), stalled]);
    written.abort();
  }

  /** Writes everything up to now: one write at a time, and one more for all requests in the meantime. */
  #write(): Promise<void> {
    this.#queued ??= this.#writing.then(() => {
      this.#queued = undefined;
      this.#writing = this.#writeNow();
      return this.#writing;
    });
    return this.#queued;
  }

  async #writeNow(): Promise<void> {
    const now = performance.now();
    if (now < this.#retryAt) return;
    if (!(await this.#staysInPlace(now))) return;
    // All changes of one moment; later ones are for the next write.
    const changes: { table: PersistedTable; change: TableChange }[] = [];
    for (const table of this.#tables.values()) {
      const change = table.take();
      if (change !== undefined) changes.push({ table, change });
    }
    const progress = this.#progress();
    const isQuiet = changes.length === 0 && progress === this.#savedProgress;
    if (isQuiet && now - this.#accountsAt < ACCOUNTS_MS) return;
    this.#accountsAt = now;
    const accounts = this.#accounts();
    const accountsText = JSON.stringify(accounts);
    try {
      for (const { table, change } of changes) await table.writeRows(change);
      await this.#values.write([
        ...changes.flatMap(({ table, change }) => [...table.values(change)]),
        ...(accountsText === this.#savedAccounts ? [] : [[ACCOUNTS, accounts] as const]),
      ]);
      this.#savedAccounts = accountsText;
      this.#savedProgress = progress;
      for (const { table, change } of changes) await table.saved(change);
      if (this.#isFailing) this.#warn(`state is saved in ${this.path} again`);
      this.#isFailing = false;
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Calls back when the directory was deleted and a new one has taken its place. */
  onAnew(told: () => void): void {
    this.#onAnew = told;
  }

  /**
   * Checks that the files are where the next process would find them, and starts again if they are not: somebody may
   * have deleted the directory or a file.
   *
   * @returns false if that is not possible now
   */
  async #staysInPlace(now: number): Promise<boolean> {
    if (now - this.#checkedAt < CHECK_MS) return true;
    this.#checkedAt = now;
    try {
      if (await this.#isInPlace()) return true;
      if (!this.#isFailing)
        this.#warn(
          `state in ${this.path} was deleted while it was in use: it starts again with the events in memory`,
        );
      this.#directory.release();
      // If that fails there is no directory, and it is tried again.
      this.#directory = { path: this.path, isThere: async () => false, release: () => {} };
      this.#directory = await openStateDirectory(this.path);
      await this.#values.close().catch(() => {});
      this.#values = ValueLog.open(join(this.path, POSITIONS)).log;
      this.#savedAccounts = undefined;
      this.#accountsAt = Number.NEGATIVE_INFINITY;
      for (const table of this.#tables.values()) await table.beginAnew(this.path);
      this.#onAnew();
      return true;
    } catch (error) {
      this.#checkedAt = Number.NEGATIVE_INFINITY;
      this.#failed(error);
      return false;
    }
  }

  async #isInPlace(): Promise<boolean> {
    if (!(await this.#directory.isThere()) || !(await this.#values.isThere())) return false;
    for (const table of this.#tables.values()) if (!(await table.isThere())) return false;
    return true;
  }

  #failed(error: unknown): void {
    this.counters.failures++;
    const now = performance.now();
    this.#retryAt = now + RETRY_MS;
    if (!this.#isFailing && now - this.#warnedAt >= WARN_MS) {
      this.#warnedAt = now;
      this.#warn(
        `state in ${this.path} cannot be written (${messageOf(error)}): events are kept only in memory, and a restart would lose them; make room or set custom_audit_state_dir`,
      );
    }
    this.#isFailing = true;
  }

  /** Writes the rest and releases the directory. May be called any number of times. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    // Before `start` there is nothing to save.
    if (this.#timer !== undefined) await this.save();
    await this.#closeFiles();
    this.#directory.release();
  }

  /** Empties the directory, because its content is saved elsewhere, and releases it. */
  async discard(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#writing;
    await this.#closeFiles();
    for (const name of [...this.#tables.keys(), POSITIONS]) {
      await rm(join(this.path, name), { recursive: true, force: true });
    }
    this.#directory.release();
  }

  async #closeFiles(): Promise<void> {
    for (const table of this.#tables.values()) await table.close().catch(() => {});
    await this.#values.close().catch(() => {});
  }
}

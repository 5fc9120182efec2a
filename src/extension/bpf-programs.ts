import { closeSync, existsSync } from 'node:fs';
import { KERNEL_BTF } from '../bpf/kernel-btf-path.ts';
import type { LoadedSet } from '../bpf/loader.ts';
import type { RefusedSet } from '../bpf/loader-message.ts';
import type { LoaderProcess } from '../bpf/loader-process.ts';
import { readIterator } from '../bpf/task-iterator.ts';
import { parseUnauditedTasks } from '../bpf/unaudited-tasks.ts';
import type { BpfMode } from '../flags/custom-options.ts';
import { messageOf } from '../runtime/message-of.ts';

/** The BPF programs of this instance: loaded once, after the extension has registered; gone when they are switched off, or with the process. */
export class BpfPrograms {
  readonly #loader: LoaderProcess | undefined;
  #loaded: readonly LoadedSet[] = [];
  #refused = new Map<string, string>();
  #hasLoaded = false;
  #unaudited: readonly number[] | undefined;
  /** Why there are none at all. */
  #why: string | undefined = 'not loaded yet';

  /** @param loader undefined if nothing can be loaded */
  constructor(loader: LoaderProcess | undefined) {
    this.#loader = loader;
  }

  /** The set that tells about sockets, if it is used. */
  get sockets(): LoadedSet | undefined {
    return this.#used('sockets');
  }

  /** The set that tells about processes. */
  get processes(): LoadedSet | undefined {
    return this.#used('processes');
  }

  /** The set that tells about execs of processes that audit cannot see. */
  get unauditedExecs(): LoadedSet | undefined {
    return this.#used('unaudited execs');
  }

  /** The pids of the processes that audit could not see when the programs were loaded; undefined if that is not known. */
  get unaudited(): readonly number[] | undefined {
    return this.#unaudited;
  }

  /**
   * How the programs of a set see, as `fexit`; or why there are none, after `off:`.
   *
   * @param name of the set
   */
  state(name: string): string {
    const why = this.#why ?? this.#refused.get(name);
    if (why !== undefined) return `off: ${why}`;
    return this.#loaded.find(set => set.name === name)?.variant ?? 'off: not part of this version';
  }

  /**
   * Loads them, if they are wanted and have not been loaded yet.
   *
   * @returns what is to be said about it, one line each
   */
  async load(mode: BpfMode): Promise<readonly string[]> {
    if (this.#hasLoaded) return [];
    this.#hasLoaded = true;
    if (mode === 'off') {
      this.#loader?.close();
      this.#why = SWITCHED_OFF;
      return [];
    }
    if (this.#loader === undefined) {
      this.#why = existsSync(KERNEL_BTF)
        ? 'the process that loads them could not be started'
        : `this kernel does not describe its types (no ${KERNEL_BTF})`;
      return [notUsed(this.#why)];
    }
    try {
      const { loaded, refused, unauditedTasks } = await this.#loader.load();
      this.#loaded = loaded;
      if (unauditedTasks !== undefined) this.#unaudited = readUnaudited(unauditedTasks);
      this.#why = undefined;
      for (const { name, why } of refused) this.#refused.set(name, why);
      return saidOf(loaded, refused);
    } catch (error) {
      this.#why = messageOf(error);
      return [notUsed(this.#why)];
    }
  }

  /** A set is not used although it is loaded. @returns what is to be said about it */
  reject(name: string, why: string): string {
    this.#refused.set(name, why);
    this.#unload(this.#loaded.filter(set => set.name === name));
    return notUsed(why);
  }

  /** Unloads a set that nobody would read. */
  leave(name: string, why: string): void {
    if (this.#used(name) === undefined) return;
    this.#refused.set(name, why);
    this.#unload(this.#loaded.filter(set => set.name === name));
  }

  /** Unloads them, if they are no longer wanted. @returns whether that changes something */
  setMode(mode: BpfMode): boolean {
    if (mode !== 'off' || !this.#hasLoaded || this.#why !== undefined) return false;
    this.close();
    this.#why = SWITCHED_OFF;
    return true;
  }

  /** Unloads them, or ends the loader. May be called any number of times. */
  close(): void {
    this.#loader?.close();
    this.#unload(this.#loaded);
  }

  #used(wanted: string): LoadedSet | undefined {
    return this.#loaded.find(({ name }) => name === wanted && !this.#refused.has(name));
  }

  #unload(sets: readonly LoadedSet[]): void {
    this.#loaded = this.#loaded.filter(set => !sets.includes(set));
    for (const { ringFd, lossesFd, linkFds } of sets)
      for (const fd of [...linkFds, ringFd, lossesFd]) closeSync(fd);
  }
}

/** The iterator is good for one reading. */
const readUnaudited = (fd: number): readonly number[] => {
  try {
    return parseUnauditedTasks(readIterator(fd));
  } finally {
    closeSync(fd);
  }
};

const SWITCHED_OFF = 'custom_audit_bpf=off';

/** If all are refused for one reason, it is told once. */
const saidOf = (loaded: readonly LoadedSet[], refused: readonly RefusedSet[]): readonly string[] =>
  loaded.length === 0
    ? [...new Set(refused.map(({ why }) => notUsed(why)))]
    : refused.map(({ name, why }) => `the BPF programs for ${name} are not used: ${why}`);

const notUsed = (why: string): string => `BPF programs are not used, events come from audit alone: ${why}`;

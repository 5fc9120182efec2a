import type { LoadedSet } from '../bpf/loader.ts';
import { lossCounter, ringMemory } from '../bpf/mapped-memory.ts';
import { RingReader } from '../bpf/ring-reader.ts';
import { ProcfsReader } from '../model/procfs/reader.ts';
import { UnauditedSource, type UnauditedSourceOptions } from './unaudited-source.ts';

/** The events of processes that audit cannot see, and the programs that tell of them. */
export class UnauditedWitness {
  readonly #source: UnauditedSource;
  readonly #publish: UnauditedSourceOptions['publish'];
  /** Not published from within the reading of sockets, which may be part of publishing another event. */
  #waiting: Parameters<UnauditedSourceOptions['publish']>[0][] = [];
  #execs: { readonly reader: RingReader; readonly lost: () => number } | undefined;

  constructor(publish: UnauditedSourceOptions['publish']) {
    this.#publish = publish;
    this.#source = new UnauditedSource({
      procfs: new ProcfsReader(),
      wallMs: () => Date.now(),
      monotonicNs: () => process.hrtime.bigint(),
      ownPid: process.pid,
      publish: event => this.#waiting.push(event),
    });
  }

  /** Takes records of the socket programs, which tell about processes that audit sees, too. */
  get takeSocket(): UnauditedSource['takeSocket'] {
    return this.#source.takeSocket;
  }

  /** From now on reads this set; the memory of the former one stays mapped, but nothing comes any more. */
  useExecs(set: LoadedSet | undefined): void {
    this.#execs = set && { reader: new RingReader(ringMemory(set)), lost: lossCounter(set) };
  }

  /** Publishes what was told since the last call. */
  drain(): void {
    this.#execs?.reader.drain(this.#source.takeExec);
    if (this.#waiting.length === 0) return;
    const events = this.#waiting;
    this.#waiting = [];
    for (const event of events) this.#publish(event);
  }

  get counters(): { readonly events: number; readonly malformed: number; readonly lost: number } {
    return { ...this.#source.counters, lost: this.#execs?.lost() ?? 0 };
  }
}

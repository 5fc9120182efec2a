import type { ProcessEvent, SocketEvent } from '../audit/audit-event.ts';
import type { OnRecord } from '../bpf/ring-reader.ts';
import { readSocketRecord } from '../bpf/socket-record.ts';
import { TASK } from '../bpf/task-record.ts';
import { readUnauditedExec } from '../bpf/unaudited-exec-record.ts';
import type { ProcfsReader } from '../model/procfs/reader.ts';
import { parseStatus } from '../model/procfs/status.ts';
import { parseId } from '../model/procfs/values.ts';
import { type UnauditedActor, unauditedExecEvent, unauditedSocketEvent } from './unaudited-events.ts';

/** Milliseconds that what was read of a process holds: a server makes many connections. */
const ACTOR_MS = 1_000;
const MAX_ACTORS = 1_024;
/** Nanoseconds in a tick of TASK.passedOn. */
const TICK_NS = 2n ** 20n;
const TICK_MS = 2 ** 20 / 1e6;

export interface UnauditedSourceOptions {
  readonly procfs: Pick<ProcfsReader, 'read' | 'link'>;
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number;
  /** Nanoseconds of the monotonic clock. */
  readonly monotonicNs: () => bigint;
  /** This process, whose own calls nobody wants. */
  readonly ownPid: number;
  readonly publish: (event: ProcessEvent | SocketEvent) => void;
}

export interface UnauditedCounters {
  /** Events that only BPF has seen. */
  events: number;
  /** Records that could not be read. */
  malformed: number;
}

/** Makes events of what BPF programs tell about processes that audit cannot see. Of all others audit tells, so each event comes once. */
export class UnauditedSource {
  readonly counters: UnauditedCounters = { events: 0, malformed: 0 };
  readonly #options: UnauditedSourceOptions;
  readonly #actors = new Map<number, UnauditedActor & { readonly at: number }>();

  constructor(options: UnauditedSourceOptions) {
    this.#options = options;
  }

  /** A record of the socket programs. */
  readonly takeSocket: OnRecord = (bytes, at, length) => {
    if (!this.#isWanted(bytes, at, length)) return;
    const record = readSocketRecord(bytes, at, length);
    if (record === undefined) this.counters.malformed++;
    else {
      const ms = this.#timeOf(bytes, at);
      this.#publish(unauditedSocketEvent(record, ms, this.#actor(record.tgid, ms)));
    }
  };

  /** A record of the program that sees execs. */
  readonly takeExec: OnRecord = (bytes, at, length) => {
    if (!this.#isWanted(bytes, at, length)) return;
    const record = readUnauditedExec(bytes, at, length);
    if (record === undefined) {
      this.counters.malformed++;
      return;
    }
    this.#actors.delete(record.tgid);
    this.#publish(unauditedExecEvent(record, this.#timeOf(bytes, at), this.#exe(record.tgid, record.comm)));
  };

  #isWanted(bytes: Buffer, at: number, length: number): boolean {
    if (length < TASK.bytes) {
      this.counters.malformed++;
      return false;
    }
    return (
      bytes.readUInt32LE(at + TASK.hasContext) === 0 &&
      bytes.readUInt32LE(at + TASK.tgid) !== this.#options.ownPid
    );
  }

  #publish(event: ProcessEvent | SocketEvent): void {
    this.counters.events++;
    this.#options.publish(event);
  }

  /** Milliseconds since the epoch; the record has the lower 32 bits of a clock's ticks. */
  #timeOf(bytes: Buffer, at: number): number {
    const { wallMs, monotonicNs } = this.#options;
    const now = Number(BigInt.asUintN(32, monotonicNs() / TICK_NS));
    return wallMs() - ((now - bytes.readUInt32LE(at + TASK.passedOn)) >>> 0) * TICK_MS;
  }

  #actor(pid: number, now: number): UnauditedActor {
    const known = this.#actors.get(pid);
    if (known !== undefined && now - known.at < ACTOR_MS && now >= known.at) return known;
    const { procfs } = this.#options;
    const id = (file: string): number | undefined => {
      const bytes = procfs.read(pid, file);
      return bytes && parseId(bytes);
    };
    const status = procfs.read(pid, 'status');
    const actor = {
      exe: procfs.link(pid, 'exe'),
      auid: id('loginuid'),
      ses: id('sessionid'),
      ppid: status && parseStatus(status)?.ppid,
      at: now,
    };
    if (this.#actors.size >= MAX_ACTORS) this.#actors.clear();
    this.#actors.set(pid, actor);
    return actor;
  }

  /** What a process runs; undefined if it may have executed something else since, which gave it another name. */
  #exe(pid: number, comm: string): string | undefined {
    const { procfs } = this.#options;
    const exe = procfs.link(pid, 'exe');
    return procfs.read(pid, 'comm')?.toString('utf8').replace(/\n$/, '') === comm ? exe : undefined;
  }
}

import { LRUCache } from 'lru-cache';
import { type ExecRecord, parseProcessRecord } from '../../bpf/process-records.ts';
import type { OnRecord } from '../../bpf/ring-reader.ts';
import { type CgroupFacts, cgroupFacts } from '../container/cgroup-facts.ts';
import type { ProcConnectorEvent } from './cn-proc.ts';
import type { ConnectorCounters, ProcessConnector } from './process-connector.ts';

/** The records of processPrograms. */
export interface ProcessRing {
  /** Passes on what is there, oldest first. */
  drain(onRecord: OnRecord): void;
  /** How many records the ring had no room for. */
  lost(): number;
}

/** Most cgroups whose paths are remembered. */
const MAX_CGROUPS = 8_192;
/** Most pairs of cgroups, one of each version, that are remembered. */
const MAX_FACTS = 1_024;

/** Forks, execs and exits by BPF. In contrast to the kernel's process connector an exec says where the process was. */
export class BpfProcessConnector implements ProcessConnector {
  readonly #ring: ProcessRing;
  readonly #paths: CgroupPaths;
  readonly #lostBefore: number;
  readonly #sinceMs: number;
  #malformed = 0;
  #hasReplied = false;
  #closed = false;

  /**
   * @param paths survives the connector, because the programs report each cgroup once
   * @param sinceMs time of the monotonic clock; what happened before is left out
   */
  constructor(ring: ProcessRing, paths: CgroupPaths, sinceMs: number) {
    this.#sinceMs = sinceMs;
    this.#ring = ring;
    this.#paths = paths;
    this.#lostBefore = ring.lost();
  }

  get counters(): Readonly<ConnectorCounters> {
    return { overruns: this.#ring.lost() - this.#lostBefore, malformed: this.#malformed };
  }

  drain(onEvent: (event: ProcConnectorEvent) => void): void {
    if (this.#closed) return;
    if (!this.#hasReplied) onEvent({ kind: 'reply', error: 0 });
    this.#hasReplied = true;
    this.#ring.drain((bytes, at, length) => this.#take(bytes, { at, length }, onEvent));
  }

  #take(
    bytes: Buffer,
    { at, length }: { readonly at: number; readonly length: number },
    onEvent: (event: ProcConnectorEvent) => void,
  ): void {
    const record = parseProcessRecord(bytes, at, at + length);
    if (record === undefined) {
      this.#malformed++;
      return;
    }
    if (record.kind === 'cgroup') {
      this.#paths.add(record.id, record.path);
      return;
    }
    if (record.monotonicMs < this.#sinceMs) return;
    switch (record.kind) {
      case 'exec':
        onEvent({
          kind: 'exec',
          pid: record.pid,
          monotonicMs: record.monotonicMs,
          facts: { ...record, cgroup: this.#paths.of(record) },
        });
        break;
      default:
        onEvent(record);
    }
  }

  close(): void {
    this.#closed = true;
  }
}

/** The paths of cgroups by their ids. */
export class CgroupPaths {
  readonly #paths = new LRUCache<bigint, string>({ max: MAX_CGROUPS });
  readonly #facts = new LRUCache<string, CgroupFacts>({ max: MAX_FACTS });
  readonly #controller: string | undefined;

  /** @param controller name of the controller of version 1 that the programs follow */
  constructor(controller: string | undefined) {
    this.#controller = controller;
  }

  add(id: bigint, path: string | undefined): void {
    if (path !== undefined) this.#paths.set(id, path);
  }

  /** undefined if the path of one of them is not known. */
  of({ cgroup, cgroupV1 }: Pick<ExecRecord, 'cgroup' | 'cgroupV1'>): CgroupFacts | undefined {
    const key = `${cgroup} ${cgroupV1}`;
    const known = this.#facts.get(key);
    if (known !== undefined) return known;
    const path = this.#paths.get(cgroup);
    const controllers = this.#controller === undefined ? [] : [this.#controller];
    const pathV1 = controllers.length === 0 ? undefined : this.#paths.get(cgroupV1);
    if (path === undefined || (pathV1 === undefined && controllers.length > 0)) return undefined;
    const facts = cgroupFacts([
      ...(pathV1 === undefined ? [] : [{ hierarchy: 1, controllers, path: pathV1 }]),
      { hierarchy: 0, controllers: [], path },
    ]);
    this.#facts.set(key, facts);
    return facts;
  }
}

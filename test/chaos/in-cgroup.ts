import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Program } from '../bench/program.ts';

const V1 = '/sys/fs/cgroup/memory';
const V2 = '/sys/fs/cgroup';
/** Times that a group of which the last process has just ended is tried to be removed. */
const TRIES = 50;
const TRY_MS = 100;

/** A control group with so much memory, as a service has one with MemoryMax=. */
export class MemoryGroup implements AsyncDisposable {
  readonly #directory: string;
  readonly #isV1: boolean;

  /** @throws Error where the memory of a group cannot be limited */
  constructor(bytes: number) {
    this.#isV1 = existsSync(join(V1, 'memory.limit_in_bytes'));
    this.#directory = join(this.#isV1 ? V1 : V2, `osquery-audit-chaos-${process.pid}`);
    mkdirSync(this.#directory);
    writeFileSync(join(this.#directory, this.#isV1 ? 'memory.limit_in_bytes' : 'memory.max'), String(bytes));
  }

  /** The program, started in the group. */
  program({ file, args, name }: Program): Program {
    const enter = `echo $$ > ${join(this.#directory, 'cgroup.procs')}; exec "$@"`;
    return { file: '/bin/sh', args: ['-c', enter, 'sh', file, ...args], name };
  }

  /** How many of its processes were ended because there was no memory. */
  get kills(): number {
    const file = join(this.#directory, this.#isV1 ? 'memory.oom_control' : 'memory.events');
    return Number(/^oom_kill (\d+)/m.exec(readFileSync(file, 'latin1'))?.[1] ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let tries = TRIES; existsSync(this.#directory) && tries > 0; tries--) {
      try {
        rmdirSync(this.#directory);
      } catch {
        await sleep(TRY_MS);
      }
    }
  }
}

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Program } from '../bench/program.ts';
import { Undo } from './undo.ts';

const ROOT = '/sys/fs/cgroup';

/** What is limited, and the files of that in the two versions of control groups. */
const LIMITS = {
  /** Bytes. */
  memory: { v1: 'memory.limit_in_bytes', v2: 'memory.max' },
  /** Processes and threads. */
  pids: { v1: 'pids.max', v2: 'pids.max' },
} as const;
export type Limited = keyof typeof LIMITS;

/** Ends what is left in a group after 5 s, and removes it. */
const REMOVE = `
  tries=0
  while [ -d "$1" ] && ! rmdir "$1"; do
    [ $((tries += 1)) -le 100 ] || exit 1
    [ $tries -le 50 ] || kill -9 $(cat "$1/cgroup.procs")
    sleep 0.1
  done`;

/** A control group with so much of one thing, as a service has one with MemoryMax= or TasksMax=. It is gone with this process. */
export class ControlGroup implements AsyncDisposable {
  readonly #directory: string;
  readonly #undo: Undo;
  readonly #isV1: boolean;

  /** @throws Error where that cannot be limited */
  constructor(limited: Limited, limit: number) {
    const v1 = join(ROOT, limited);
    this.#isV1 = existsSync(join(v1, 'cgroup.procs'));
    this.#directory = join(this.#isV1 ? v1 : ROOT, `osquery-audit-chaos-${process.pid}`);
    mkdirSync(this.#directory);
    this.#undo = new Undo(REMOVE, this.#directory);
    writeFileSync(join(this.#directory, LIMITS[limited][this.#isV1 ? 'v1' : 'v2']), String(limit));
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

  /** How many processes and threads are in it, where those are limited. */
  get processes(): number {
    return Number(readFileSync(join(this.#directory, 'pids.current'), 'latin1'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo[Symbol.asyncDispose]();
  }
}

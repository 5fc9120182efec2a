import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { LRUCache } from 'lru-cache';
import type { AccountsRequest, SeenAccounts } from '../accounts/look-at-accounts.ts';
import type { Clock } from '../clock.ts';
import type { ContainerDetails, ContainerRequest } from '../container/container-details.ts';
import { LineSplitter } from '../looks/line-splitter.ts';
import { LookKeeper, type StartedLook } from '../looks/look-keeper.ts';
import { Quarantine } from '../looks/quarantine.ts';
import { startLook } from '../looks/start-look.ts';
import type { ModelEvent } from '../model-event.ts';
import { startOf } from '../process/is-same-process.ts';
import type { ProcessNode } from '../process/process-node.ts';
import { type Digests, MAX_REMEMBERED } from './digests.ts';
import { createHashCounters, type HashCounters, type HashRequest, isSettled } from './file-hasher.ts';
import type { LookQuestion, LookReply } from './hash-question.ts';

/** What ran, and whose it is. */
export interface DigestRequest extends Omit<HashRequest, 'isSame' | 'owner'> {
  readonly owner: number;
  readonly process: Pick<ProcessNode, 'startMs' | 'startKnown'>;
  /** Whether the process has not executed anything else, as far as the kernel has reported by now. */
  readonly isSameExec: () => boolean;
}

export interface RunningArgv {
  readonly argv: readonly string[] | undefined;
  /** What it runs. */
  readonly path: string | undefined;
}

export interface HashClientCounters extends HashCounters {
  /** Looks that hung, so that their process was given up. */
  hung: number;
}

export interface HashClientOptions {
  readonly clock: Clock;
  readonly limits: { readonly maxFileBytes: number; readonly cpuPercent: number };
  readonly start?: ((limits: HashClientOptions['limits']) => StartedLook<Socket>) | undefined;
  readonly warn?: ((message: string) => void) | undefined;
}

/** Most questions in progress; further ones get no answer. The process has its own limit for waiting files. */
const MAX_QUESTIONS = 2_048;
/** Milliseconds without any sign of life after which the process counts as hung. */
const SILENCE_MS = 3_000;
const LOOK_MS = 500;
/** How often a question is asked if its process ends before it has answered. */
const MAX_TRIES = 2;

interface Asked {
  readonly question: LookQuestion;
  readonly subject: { readonly owner: number; readonly path: string; readonly dev: string | undefined };
  readonly done: (reply: LookReply | undefined) => void;
  tries: number;
}

/**
 * Has another process hash files and read the memory of processes: both can hang for as long as a file system likes.
 * Answers that never change are remembered here.
 */
export class HashClient {
  readonly #clock: Clock;
  readonly #keeper: LookKeeper<Socket>;
  readonly #quarantine: Quarantine;
  readonly #remembered = new LRUCache<string, Digests>({ max: MAX_REMEMBERED });
  readonly #asked = new Map<number, Asked>();
  #channel: Socket | undefined;
  #counters: HashCounters = createHashCounters();
  /** Counters of former processes. */
  #before: HashCounters = createHashCounters();
  #refused = 0;
  #recalled = 0;
  #hung = 0;
  #nextId = 1;
  #begun: { readonly id: number; readonly foreign: boolean } | undefined;
  #heardAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ clock, limits, start = startHashLook, warn = () => {} }: HashClientOptions) {
    this.#clock = clock;
    this.#quarantine = new Quarantine(() => clock.monotonicMs());
    this.#keeper = new LookKeeper({
      start: () => start(limits),
      attach: channel => this.#attach(channel),
      warn,
    });
  }

  get counters(): HashClientCounters {
    const sum = { ...this.#before };
    for (const name of Object.keys(sum) as (keyof HashCounters)[]) sum[name] += this.#counters[name];
    sum.refused += this.#refused;
    sum.remembered += this.#recalled;
    return { ...sum, hung: this.#hung };
  }

  start(): void {
    this.#keeper.start();
  }

  /**
   * Remembered digests, for a file that was already looked at after the exec: unless it has changed since the exec,
   * no look is needed.
   *
   * @param found one of the files that the exec opened
   */
  recall(found: NonNullable<ModelEvent['image']>, execMs: number): Digests | undefined {
    if (!isSettled(found, execMs)) return undefined;
    const digests = this.#remembered.get(found.key);
    if (digests !== undefined) this.#recalled++;
    return digests;
  }

  /** @returns undefined if it is not asked */
  digest(request: DigestRequest): Promise<Digests | undefined> | undefined {
    const { process, isSameExec, ...asked } = request;
    if (asked.path === undefined) return undefined;
    const subject = { owner: asked.owner, path: asked.path, dev: asked.files[0]?.dev };
    const allowed = this.#quarantine.allows(subject);
    if (allowed === 'nothing') {
      this.#refused++;
      return undefined;
    }
    const answer = this.#ask(subject, id => ({
      id,
      kind: 'digest',
      request: asked,
      start: startOf(process),
      ...(allowed === 'local' && { localOnly: true }),
    }));
    return answer?.then(reply => {
      const finding = reply !== undefined && 'finding' in reply ? reply.finding : undefined;
      if (finding === undefined) return undefined;
      if (finding.key !== undefined) this.#remembered.set(finding.key, finding.digests);
      if (!finding.whileRunning || isSameExec()) return finding.digests;
      this.#before.changed++;
      return undefined;
    });
  }

  /** Accounts as a living process sees them; undefined if it is not asked. */
  accountsOf(request: AccountsRequest, owner: number): Promise<SeenAccounts | undefined> | undefined {
    const subject = { owner, path: `accounts of mnt:[${request.mount}]`, dev: undefined };
    const allowed = this.#quarantine.allows(subject);
    if (allowed === 'nothing') {
      this.#refused++;
      return undefined;
    }
    const localOnly = allowed === 'local' && { localOnly: true };
    return this.#ask(subject, id => ({ id, kind: 'accounts', request, ...localOnly }))?.then(reply =>
      reply !== undefined && 'accounts' in reply ? reply.accounts : undefined,
    );
  }

  /** What the files of a container's runtime say about it; undefined if it is not asked. */
  containerDetails(request: ContainerRequest): Promise<ContainerDetails | undefined> | undefined {
    return this.#container('container', request);
  }

  /** What the runtime answers on its socket, which can take a second; undefined if it is not asked. */
  askRuntime(request: ContainerRequest): Promise<ContainerDetails | undefined> | undefined {
    return this.#container('runtime', request);
  }

  #container(
    kind: 'container' | 'runtime',
    request: ContainerRequest,
  ): Promise<ContainerDetails | undefined> | undefined {
    const subject = { owner: 0, path: `${kind} ${request.id}`, dev: undefined };
    if (this.#quarantine.allows(subject) === 'nothing') return undefined;
    return this.#ask(subject, id => ({ id, kind, request }))?.then(reply =>
      reply !== undefined && 'container' in reply ? reply.container : undefined,
    );
  }

  /** The arguments of a running process; undefined if they cannot be read. */
  async argvOf(pid: number): Promise<RunningArgv | undefined> {
    const subject = { owner: 0, path: `/proc/${pid}/cmdline`, dev: undefined };
    if (this.#quarantine.allows(subject) === 'nothing') return undefined;
    const reply = await this.#ask(subject, id => ({ id, kind: 'argv', pid }));
    return reply !== undefined && 'argv' in reply ? { argv: reply.argv, path: reply.path } : undefined;
  }

  #ask(
    subject: Asked['subject'],
    questionOf: (id: number) => LookQuestion,
  ): Promise<LookReply | undefined> | undefined {
    if (this.#closed || this.#asked.size >= MAX_QUESTIONS) {
      this.#refused++;
      return undefined;
    }
    this.#keeper.start();
    return new Promise(done => {
      const question = questionOf(this.#nextId++);
      if (this.#asked.size === 0) this.#heardAt = this.#clock.monotonicMs();
      const asked = { question, subject, done, tries: 0 };
      this.#asked.set(question.id, asked);
      this.#send(asked);
    });
  }

  #send(asked: Asked): void {
    // Questions asked while there is no process are sent when there is one.
    if (this.#channel === undefined) return;
    asked.tries++;
    // Callers that still wait must be able to continue.
    this.#channel.ref();
    this.#channel.write(`${JSON.stringify(asked.question)}\n`);
    this.#timer ??= this.#watch();
  }

  #attach(channel: Socket | undefined): void {
    this.#channel?.destroy();
    this.#channel = channel;
    for (const name of Object.keys(this.#before) as (keyof HashCounters)[]) {
      this.#before[name] += this.#counters[name];
    }
    this.#counters = createHashCounters();
    this.#blame();
    if (channel === undefined) return;
    const lines = new LineSplitter();
    channel.on('data', (bytes: Buffer) => {
      this.#heardAt = this.#clock.monotonicMs();
      this.#keeper.relent();
      lines.push(bytes, reply => this.#hear(reply as LookReply));
    });
    // The process's own end reports that.
    channel.on('error', () => {});
    channel.unref();
    this.#heardAt = this.#clock.monotonicMs();
    for (const asked of this.#asked.values()) {
      if (asked.tries >= MAX_TRIES) this.#settle(asked.question.id, undefined);
      else this.#send(asked);
    }
  }

  /** The look at which the process hung or ended is not repeated. */
  #blame(): void {
    const begun = this.#begun;
    this.#begun = undefined;
    const culprit = begun && this.#asked.get(begun.id);
    if (culprit === undefined) return;
    this.#hung++;
    this.#quarantine.add(culprit.subject, begun!.foreign);
    this.#settle(begun!.id, undefined);
  }

  #hear(reply: LookReply): void {
    if ('begins' in reply) this.#begun = { id: reply.begins, foreign: reply.foreign };
    else if ('id' in reply) {
      if ('counters' in reply) this.#counters = reply.counters;
      if ('refused' in reply) this.#refused++;
      this.#settle(reply.id, reply);
    }
  }

  #settle(id: number, reply: LookReply | undefined): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    asked?.done(reply);
    if (this.#asked.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#channel?.unref();
  }

  #watch(): NodeJS.Timeout {
    const isSilent = (): boolean =>
      this.#asked.size > 0 && this.#clock.monotonicMs() - this.#heardAt >= SILENCE_MS;
    const timer = setInterval(() => {
      // Answers that came while this thread was busy are read first.
      if (isSilent()) setImmediate(() => isSilent() && this.#keeper.giveUp());
    }, LOOK_MS);
    timer.unref();
    return timer;
  }

  /** Drops all questions. May be called any number of times. */
  close(): void {
    this.#closed = true;
    this.#keeper.close();
    this.#channel?.destroy();
    this.#channel = undefined;
    for (const id of [...this.#asked.keys()]) this.#settle(id, undefined);
  }
}

const startHashLook = ({ maxFileBytes, cpuPercent }: HashClientOptions['limits']): StartedLook<Socket> => {
  const child: ChildProcess = startLook('hashes', 'pipe', [
    `--file_bytes=${maxFileBytes}`,
    `--cpu_percent=${cpuPercent}`,
  ]);
  return { child, channel: child.stdio[3] as Socket };
};

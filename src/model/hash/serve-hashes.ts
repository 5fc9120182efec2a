import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { lookAtAccounts } from '../accounts/look-at-accounts.ts';
import { systemClock } from '../clock.ts';
import { RuntimeSockets } from '../container/ask-runtime.ts';
import { lookAtContainer } from '../container/look-at-container.ts';
import { LineSplitter } from '../looks/line-splitter.ts';
import { OwnMounts } from '../looks/own-mounts.ts';
import { isSameStart } from '../process/is-same-process.ts';
import { LiveProcesses } from '../process/live-processes.ts';
import { BootTime } from '../procfs/boot-time.ts';
import { ProcfsReader } from '../procfs/reader.ts';
import { parseCmdline } from '../procfs/values.ts';
import { deniesWrites } from './denies-writes.ts';
import { parseAuditDevice } from './device.ts';
import { createDigester } from './digester.ts';
import { FileHasher } from './file-hasher.ts';
import type { LookQuestion, LookReply } from './hash-question.ts';
import { MountNamespaces } from './mount-namespaces.ts';
import { Mounts } from './mounts.ts';

export interface HashServerOptions {
  readonly maxFileBytes: number;
  readonly cpuPercent: number;
}

/** Milliseconds between two signs of life while there is something to do, and between two reports of counters. */
export const SIGN_MS = 250;

/**
 * Answers questions on a connection until it is closed. All looks happen on the only thread: each look, and each
 * slice of a file, is announced first, so that it is known which one hangs.
 */
export const serveHashes = async (fd: number, options: HashServerOptions): Promise<void> => {
  const socket = new Socket({ fd, readable: true, writable: false });
  const server = new HashServer(options, message =>
    writeAll(fd, Buffer.from(`${JSON.stringify(message)}\n`)),
  );
  const lines = new LineSplitter();
  socket.on('data', (bytes: Buffer) => lines.push(bytes, message => server.answer(message as LookQuestion)));
  const timer = setInterval(() => server.sign(), SIGN_MS);
  await new Promise<void>(resolve => {
    socket.on('end', resolve);
    socket.on('error', () => resolve());
  });
  clearInterval(timer);
};

class HashServer {
  readonly #reply: (message: LookReply) => void;
  readonly #procfs = new ProcfsReader();
  readonly #live = new LiveProcesses(this.#procfs, new BootTime(this.#procfs, systemClock));
  readonly #mounts = new OwnMounts(this.#procfs, () => performance.now());
  readonly #runtimes = new RuntimeSockets(() => performance.now());
  readonly #hasher: FileHasher;
  readonly #namespace = this.#procfs.link('self', 'ns/user');
  /** Questions that come after all others. */
  readonly #foreign: (DigestQuestion | AccountsQuestion)[] = [];
  /** The question whose file is being looked for, … */
  #asking: { readonly id: number; readonly foreign: boolean } = { id: 0, foreign: false };
  /** … and the one reported last, with its time. */
  #told = 0;
  #toldAt = 0;
  #open = 0;

  constructor({ maxFileBytes, cpuPercent }: HashServerOptions, reply: (message: LookReply) => void) {
    this.#reply = reply;
    const digest = createDigester({ cpuPercent });
    this.#hasher = new FileHasher({
      procfs: this.#procfs,
      mounts: new Mounts(this.#procfs, systemClock),
      namespaces: new MountNamespaces(this.#procfs, () => performance.now()),
      clock: systemClock,
      digester: job => {
        const { id, foreign } = this.#asking;
        return digest({ ...job, begin: () => this.#begin(id, foreign) });
      },
      limits: { maxFileBytes },
      deniesWrites: deniesWrites(),
    });
  }

  /** Reports that it is alive, if somebody waits. */
  sign(): void {
    if (this.#open > 0) this.#reply({ alive: true });
  }

  answer(question: LookQuestion): void {
    if (question.kind === 'argv') {
      this.#begin(question.id, false);
      const cmdline = this.#procfs.read(question.pid, 'cmdline');
      const argv = cmdline && parseCmdline(cmdline);
      this.#reply({ id: question.id, argv, path: this.#procfs.link(question.pid, 'exe') });
      return;
    }
    if (question.kind === 'container') {
      this.#begin(question.id, false);
      this.#reply({ id: question.id, container: lookAtContainer(question.request) });
      return;
    }
    if (question.kind === 'runtime') {
      this.#open++;
      void this.#runtimes.ask(question.request).then(container => {
        this.#open--;
        this.#reply({ id: question.id, container });
      });
      return;
    }
    const isForeign =
      question.kind === 'accounts' ? this.#isElsewhere(question.request.pid) : this.#isForeign(question);
    if (!isForeign) {
      this.#answer(question, false);
    } else if (question.localOnly === true) {
      this.#reply({ id: question.id, refused: true });
    } else {
      this.#foreign.push(question);
      if (this.#foreign.length === 1) setImmediate(() => this.#answerForeign());
    }
  }

  #answerForeign(): void {
    const question = this.#foreign.shift();
    if (question !== undefined) this.#answer(question, true);
    if (this.#foreign.length > 0) setImmediate(() => this.#answerForeign());
  }

  #answer(question: DigestQuestion | AccountsQuestion, foreign: boolean): void {
    if (question.kind === 'digest') {
      this.#digest(question, foreign);
      return;
    }
    this.#begin(question.id, foreign);
    this.#reply({ id: question.id, accounts: lookAtAccounts(this.#procfs, question.request) });
  }

  /**
   * Whether it is, or may be, on a file system of a user or of the network, or is reached through a user's mounts.
   */
  #isForeign({ request: { files, path = '', pid, neighbour } }: DigestQuestion): boolean {
    if (this.#isElsewhere(pid) || this.#isElsewhere(neighbour)) return true;
    const dev = files[0]?.dev;
    const device = dev === undefined ? undefined : parseAuditDevice(dev);
    return (device !== undefined && !this.#mounts.hasLocal(device)) || this.#mounts.isBelowForeign(path);
  }

  #isElsewhere(pid: number | undefined): boolean {
    const namespace = pid === undefined ? undefined : this.#procfs.link(pid, 'ns/user');
    return namespace !== undefined && namespace !== this.#namespace;
  }

  #digest({ id, request, start }: DigestQuestion, foreign: boolean): void {
    this.#begin(id, foreign);
    this.#asking = { id, foreign };
    const isSame = (): boolean => {
      const startMs = this.#live.startMs(request.pid);
      return startMs !== undefined && isSameStart(startMs, start);
    };
    const finding = this.#hasher.digest({ ...request, isSame });
    if (!(finding instanceof Promise)) {
      this.#reply({ id, finding, counters: this.#hasher.counters });
      return;
    }
    this.#open++;
    void finding.then(found => {
      this.#open--;
      this.#reply({ id, finding: found, counters: this.#hasher.counters });
    });
  }

  #begin(id: number, foreign: boolean): void {
    const now = performance.now();
    if (id === this.#told && now - this.#toldAt < SIGN_MS) return;
    this.#told = id;
    this.#toldAt = now;
    this.#reply({ begins: id, foreign });
  }
}

type DigestQuestion = Extract<LookQuestion, { kind: 'digest' }>;
type AccountsQuestion = Extract<LookQuestion, { kind: 'accounts' }>;

/** Node has made the descriptor non-blocking. */
const writeAll = (fd: number, bytes: Buffer): void => {
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      // The other side is gone.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') process.exit(0);
      Atomics.wait(PAUSE, 0, 0, 1);
    }
  }
};

const PAUSE = new Int32Array(new SharedArrayBuffer(4));

import { readSync, writeSync } from 'node:fs';
import { parseAuditDevice } from '../model/hash/device.ts';
import { LineSplitter } from '../model/looks/line-splitter.ts';
import { OwnMounts } from '../model/looks/own-mounts.ts';
import type { ProcfsReader } from '../model/procfs/reader.ts';
import { ImageFiles, type ImageSubject } from './image-files.ts';
import type { ImageAnswer, ImageQuestion, ImageQuestions, ImageReply } from './image-question.ts';

const PIECE_BYTES = 65_536;

/**
 * Answers questions on a connection until it is closed. It is the only thread of its process, and waits for nothing
 * else. Files of other user namespaces, of users' file systems and of the network come last, each announced first, so
 * that a look that hangs leaves nothing else undone.
 */
export const serveImages = (fd: number, procfs: ProcfsReader): void => {
  const looker = new ImageLooker(procfs, reply => write(fd, `${JSON.stringify(reply)}\n`));
  const lines = new LineSplitter();
  // Reports that the process is ready.
  write(fd, `${JSON.stringify({ batch: 0, answers: [] } satisfies ImageReply)}\n`);
  const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
  for (;;) {
    const read = readSync(fd, piece, 0, PIECE_BYTES, null);
    if (read === 0) return;
    lines.push(Buffer.from(piece.subarray(0, read)), message => looker.answer(message as ImageQuestions));
  }
};

const write = (fd: number, text: string): void => {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
};

interface Asked {
  readonly index: number;
  readonly subject: ImageSubject;
}

/** Looks at the files of a batch of questions. */
export class ImageLooker {
  readonly #procfs: ProcfsReader;
  readonly #mounts: OwnMounts;
  readonly #reply: (reply: ImageReply) => void;
  readonly #images = new ImageFiles();
  readonly #namespace: string | undefined;

  constructor(procfs: ProcfsReader, reply: (reply: ImageReply) => void) {
    this.#procfs = procfs;
    this.#mounts = new OwnMounts(procfs, () => performance.now());
    this.#reply = reply;
    this.#namespace = procfs.link('self', 'ns/user');
  }

  /** Whether a living process is in another user namespace, where users can mount what they like. */
  #isElsewhere(pid: number): boolean {
    const namespace = this.#procfs.link(pid, 'ns/user');
    return namespace !== undefined && namespace !== this.#namespace;
  }

  answer({ batch, careful, questions }: ImageQuestions): void {
    const answers: ImageAnswer[] = [];
    const foreign: Asked[] = [];
    for (const [index, question] of questions.entries()) {
      const { path, pid, localOnly = false } = question;
      const asked = { index, subject: subjectOf(question) };
      if (this.#isForeign(question)) {
        if (localOnly) answers.push([index, null]);
        else foreign.push(asked);
        continue;
      }
      if (careful) this.#reply({ batch, begins: index, foreign: false });
      const here = this.#images.timesHere(asked.subject);
      if (here !== undefined || path === '') {
        answers.push(this.#answerOf(asked, here));
      } else if (!this.#isElsewhere(pid)) {
        answers.push(this.#answerOf(asked, this.#images.timesThere(asked.subject)));
      } else if (localOnly) {
        answers.push([index, null]);
      } else {
        foreign.push(asked);
      }
      if (careful) this.#reply({ batch, answers: answers.splice(0) });
    }
    if (answers.length > 0) this.#reply({ batch, answers });
    for (const asked of foreign) {
      this.#reply({ batch, begins: asked.index, foreign: true });
      const times = this.#images.times(asked.subject);
      this.#reply({ batch, answers: [this.#answerOf(asked, times)] });
    }
    this.#images.forget();
  }

  /** Whether a file is, or may be, on a file system that depends on another machine or process to answer. */
  #isForeign({ path, files }: ImageQuestion): boolean {
    const dev = files[0]?.[1];
    const device = dev === undefined ? undefined : parseAuditDevice(dev);
    if (device !== undefined && !this.#mounts.hasLocal(device)) return true;
    return this.#mounts.isBelowForeign(path);
  }

  #answerOf({ index, subject }: Asked, times: ReturnType<ImageFiles['times']>): ImageAnswer {
    if (times === undefined) return [index];
    const version = this.#images.versionOf(subject);
    return version === undefined ? [index, times] : [index, times, version.key, version.ctimeMs];
  }
}

const subjectOf = ({ path, pid, files }: ImageQuestion): ImageSubject => ({
  action: 'exec',
  path,
  pid,
  parent: undefined,
  files: files.map(([inode, dev]) => ({ inode: inode ?? undefined, dev: dev ?? undefined })),
});

import type { Clock } from '../clock.ts';
import type { Digests } from '../hash/digests.ts';
import type { HashClient } from '../hash/hash-client.ts';
import { ownerOf } from '../looks/quarantine.ts';
import type { ExecEvent } from '../model-event.ts';
import type { Image } from '../process/image.ts';
import type { ProcessNode } from '../process/process-node.ts';
import { type LaterSource, laterSource } from '../source.ts';
import { MAX_PENDING_HASHES } from './hash.ts';
import type { ProcessTreeFields } from './process-tree.ts';

export interface ParentHashFields {
  readonly parent_process_md5: string | undefined;
  readonly parent_process_sha256: string | undefined;
}

/**
 * Milliseconds after which a parent that ran before this program started is asked for again: there may have been too
 * much to read.
 */
const ASK_AGAIN_MS = 30_000;

/**
 * Digests of what the parent ran: from its own exec, even if it has ended since; for a parent from before this
 * program's start, of the file it runs.
 */
export const parentHashSource = (
  hasher: Pick<HashClient, 'digest'>,
  clock: Clock,
  catchUp: () => void = () => {},
): LaterSource<ParentHashFields> => {
  const keep = (image: Image, digests: Digests | undefined): void => {
    image.digests = digests ?? 'unknown';
    if (digests === undefined) image.askAgainMs = clock.monotonicMs() + ASK_AGAIN_MS;
  };

  const ask = (image: Image, parent: ProcessNode, event: ExecEvent): Image['digests'] => {
    if (parent.exitMs !== undefined) return 'unknown';
    const answer = hasher.digest({
      pid: parent.pid,
      path: image.path,
      files: [],
      execMs: image.execMs,
      owner: ownerOf(event),
      process: parent,
      isSameExec: () => {
        catchUp();
        return image.exec !== undefined && image.exec === parent.execs;
      },
    });
    if (answer === undefined) {
      keep(image, answer);
      return answer;
    }
    image.digests = answer;
    void answer.then(digests => keep(image, digests));
    return answer;
  };

  return laterSource<ParentHashFields, Pick<ProcessTreeFields, 'parent' | 'parent_image'>>({
    name: 'parent hash',
    provides: { parent_process_md5: 'output', parent_process_sha256: 'output' },
    needs: ['parent', 'parent_image'],
    limits: { maxPending: MAX_PENDING_HASHES },
    resolve(event, { parent, parent_image: image }) {
      if (parent === undefined || image === undefined) return undefined;
      const askAgain =
        image.digests === undefined ||
        (image.digests === 'unknown' &&
          image.askAgainMs !== undefined &&
          image.askAgainMs <= clock.monotonicMs());
      const digests = askAgain ? ask(image, parent, event) : image.digests;
      if (digests === undefined || digests === 'unknown') return undefined;
      return digests instanceof Promise ? digests.then(toFields) : toFields(digests);
    },
  });
};

const toFields = (digests: Digests | undefined): ParentHashFields | undefined =>
  digests && { parent_process_md5: digests.md5, parent_process_sha256: digests.sha256 };

import { eventMs } from '../event-time.ts';
import type { Digests } from '../hash/digests.ts';
import type { HashClient } from '../hash/hash-client.ts';
import { ownerOf } from '../looks/quarantine.ts';
import { type LaterSource, laterSource } from '../source.ts';
import type { ProcessTreeFields } from './process-tree.ts';

export interface HashFields {
  readonly process_md5: string | undefined;
  readonly process_sha256: string | undefined;
}

/** Most outstanding answers: if a disk hangs, at most so many events notice. */
export const MAX_PENDING_HASHES = 1024;

/**
 * Digests of the file that was executed; for a script, of its interpreter, which is what `process_path` names.
 *
 * @param catchUp takes the execs that the kernel has reported by now
 */
export const hashSource = (
  hasher: Pick<HashClient, 'digest' | 'recall'>,
  catchUp: () => void = () => {},
): LaterSource<HashFields> =>
  laterSource<HashFields, Pick<ProcessTreeFields, 'process' | 'process_image' | 'parent'>>({
    name: 'hash',
    provides: { process_md5: 'output', process_sha256: 'output' },
    needs: ['process', 'process_image', 'parent'],
    limits: { maxPending: MAX_PENDING_HASHES },
    resolve(event, { process, process_image: image, parent }) {
      if (process === undefined || image === undefined) return undefined;
      const known = event.image && hasher.recall(event.image, eventMs(event));
      if (known !== undefined) {
        image.digests = known;
        return toFields(known);
      }
      const answer = hasher.digest({
        pid: event.pid,
        path: event.path,
        files: event.files,
        execMs: eventMs(event),
        owner: ownerOf(event),
        process,
        isSameExec: () => {
          catchUp();
          return image.exec !== undefined && image.exec === process.execs;
        },
        ended: process.exitMs !== undefined,
        neighbour: parent === undefined || parent.exitMs !== undefined ? undefined : parent.pid,
      });
      // Kept with the image, because children show it as their parent's.
      if (answer === undefined) {
        image.digests = 'unknown';
        return undefined;
      }
      image.digests = answer;
      return answer.then(digests => {
        image.digests = digests ?? 'unknown';
        return toFields(digests);
      });
    },
  });

const toFields = (digests: Digests | undefined): HashFields | undefined =>
  digests && { process_md5: digests.md5, process_sha256: digests.sha256 };

import { parseAuditDevice } from '../hash/device.ts';
import type { OwnMounts } from '../looks/own-mounts.ts';
import type { ExecEvent } from '../model-event.ts';
import type { Place, Places } from '../process/place.ts';
import type { ProcessNode } from '../process/process-node.ts';
import type { ProcessTree } from '../process/process-tree.ts';
import { type EventSource, eventSource } from '../source.ts';
import type { ProcessTreeFields } from './process-tree.ts';

export interface PlaceFields {
  /** null: it sees the host's root directory; undefined: not known. */
  readonly place: Place | null | undefined;
  /** A living process in that place. */
  readonly place_witness: number | undefined;
}

/**
 * Milliseconds for which a parent that was seen on the host is not looked at again: three links in procfs are a good
 * part of the cost of an exec. If it moves in the meantime, its children run files that the host does not have.
 */
const ON_HOST_MS = 1_000;

/** Most steps up the tree to a living process. */
const MAX_STEPS = 16;

/**
 * The place of a process. One that has ended was in its parent's place, unless something contradicts: the first
 * process of a container has its parent on the host. What it executed tells: the host has that file under the same
 * path, or at least its file system.
 */
export const placeSource = (
  tree: ProcessTree,
  places: Pick<Places, 'of'>,
  mounts: Pick<OwnMounts, 'deviceOf'>,
  clock: () => number = () => performance.now(),
): EventSource<PlaceFields> => {
  const placeNow = (node: ProcessNode): Place | null | undefined => {
    if (node.exitMs !== undefined) return undefined;
    const now = clock();
    if (now - node.onHostMs < ON_HOST_MS) return null;
    const place = places.of(node.pid);
    if (place === null) node.onHostMs = now;
    return place;
  };
  const isOfHost = ({ image, path, files }: ExecEvent): boolean => {
    if (image !== undefined) return true;
    const device = path === undefined ? undefined : mounts.deviceOf(path);
    return (
      device !== undefined && files.some(({ dev }) => dev !== undefined && parseAuditDevice(dev) === device)
    );
  };

  return eventSource<PlaceFields, Pick<ProcessTreeFields, 'process' | 'parent'>>({
    name: 'place',
    provides: { place: 'internal', place_witness: 'internal' },
    needs: ['process', 'parent'],
    resolve(event, { process, parent }) {
      if (process?.exitMs === undefined) {
        const place = places.of(event.pid);
        if (place !== undefined) {
          if (process !== undefined) process.place = place;
          return { place, place_witness: event.pid };
        }
      }
      let node = parent;
      for (let steps = 0; node !== undefined && steps < MAX_STEPS; steps++) {
        const now = placeNow(node);
        if (now !== undefined) node.place = now;
        const place = process?.place !== undefined ? process.place : (now ?? node.place);
        if (place !== undefined) {
          if (place === null && !isOfHost(event)) return undefined;
          if (process !== undefined) process.place = place;
          return { place, place_witness: now === undefined ? undefined : node.pid };
        }
        node = tree.parentOf(node);
      }
      return undefined;
    },
  });
};

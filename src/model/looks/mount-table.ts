import { parseMountinfo } from '../procfs/mountinfo.ts';
import { isLocal } from './file-systems.ts';

/** The mounts in a process's view, by the text of paths as it sees them. */
export class MountTable {
  /** `major:minor`, in decimal, of file systems that answer without another machine or process. */
  readonly #local: ReadonlySet<string>;
  readonly #foreign: readonly string[];
  readonly #devices: ReadonlyMap<string, string>;
  readonly #overlays: ReadonlyMap<string, string>;

  /** @param mountinfo of that process */
  constructor(mountinfo: Uint8Array) {
    const mounts = parseMountinfo(mountinfo).map(mount => ({
      ...mount,
      device: `${mount.major}:${mount.minor}`,
    }));
    this.#local = new Set(mounts.filter(({ type }) => isLocal(type)).map(({ device }) => device));
    // The last mount at a place hides earlier ones.
    this.#devices = new Map(mounts.map(({ mountPoint, device }) => [mountPoint, device]));
    this.#foreign = mounts.filter(({ type }) => !isLocal(type)).map(({ mountPoint }) => mountPoint);
    this.#overlays = new Map(
      mounts.filter(({ type }) => type === 'overlay').map(({ mountPoint, device }) => [device, mountPoint]),
    );
  }

  /** Whether a device belongs to a local file system. */
  hasLocal(device: string): boolean {
    return this.#local.has(device);
  }

  /** Whether a path leads into a file system that is not local. */
  isBelowForeign(path: string): boolean {
    return this.#foreign.some(place => path === place || path.startsWith(`${place === '/' ? '' : place}/`));
  }

  /** `major:minor` of the file system that a path is on, in decimal. */
  deviceOf(path: string): string | undefined {
    for (let place = path; place !== ''; place = place.slice(0, place.lastIndexOf('/'))) {
      const device = this.#devices.get(place);
      if (device !== undefined) return device;
    }
    return this.#devices.get('/');
  }

  /** The path where the overlay with that device is mounted. */
  overlayAt(device: string): string | undefined {
    return this.#overlays.get(device);
  }
}

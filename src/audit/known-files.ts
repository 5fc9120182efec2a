/** Most files whose path is remembered. The one that was seen longest ago is forgotten first. */
const MOST_FILES = 65_536;

/**
 * The paths under which files and directories were seen, by device and inode. If a call is given a descriptor, its
 * record has no path, but these two numbers.
 */
export class KnownFiles {
  readonly #paths = new Map<string, string>();

  pathOf(identity: string | undefined): string | undefined {
    return identity === undefined ? undefined : this.#paths.get(identity);
  }

  see(identity: string | undefined, path: string): void {
    if (identity === undefined) return;
    this.#paths.delete(identity);
    this.#paths.set(identity, path);
    if (this.#paths.size <= MOST_FILES) return;
    for (const oldest of this.#paths.keys()) {
      this.#paths.delete(oldest);
      return;
    }
  }

  /** Forgets an inode that is now another file's, or whose file has an unknown path. */
  drop(identity: string | undefined): void {
    if (identity !== undefined) this.#paths.delete(identity);
  }

  /** Forgets a name that was removed; the file may have others. */
  forget(identity: string | undefined, path: string): void {
    if (identity !== undefined && this.#paths.get(identity) === path) this.#paths.delete(identity);
  }

  /** A directory was renamed: forgets the paths below it. */
  forgetBelow(path: string): void {
    const below = `${path}/`;
    for (const [identity, known] of this.#paths) if (known.startsWith(below)) this.#paths.delete(identity);
  }
}

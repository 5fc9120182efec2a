import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '../../events/persistence/parse-json.ts';
import { lockFile } from '../../runtime/lock-file.ts';
import { trustedDirectory } from '../../runtime/trusted-directory.ts';
import type { ProcessIdentity } from './process-handle.ts';

const { O_RDONLY, O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
const MAX_BYTES = 4_096;

/** The processes that hold the audit socket. */
export interface BridgeRecord {
  /** The instance that reads it, and whose pid the kernel has. */
  readonly owner: ProcessIdentity;
  /** The process that holds it in case the owner is killed. */
  readonly holder: ProcessIdentity;
}

const bridgePath = (directory: string): string => join(directory, 'bridge');

/** @returns undefined if there is no file, or it cannot be trusted */
export const readBridgeRecord = (directory: string): BridgeRecord | undefined => {
  try {
    const fd = openSync(bridgePath(trustedDirectory(directory)), O_RDONLY | O_NOFOLLOW);
    try {
      const { uid, size } = fstatSync(fd);
      if (uid !== process.geteuid?.() || size > MAX_BYTES) return undefined;
      const record = parseJson(readFileSync(fd));
      return isRecord(record) ? record : undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
};

const isRecord = (value: unknown): value is BridgeRecord => {
  const { owner, holder } = (value ?? {}) as Partial<BridgeRecord>;
  return isIdentity(owner) && isIdentity(holder);
};

const isIdentity = (value: unknown): value is ProcessIdentity => {
  const { pid, startTicks } = (value ?? {}) as Partial<ProcessIdentity>;
  return Number.isSafeInteger(pid) && pid! > 0 && Number.isSafeInteger(startTicks);
};

/** The file whose lock tells the holder that the owner is alive. */
export class BridgeFile {
  readonly path: string;
  readonly #fd: number;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /**
   * @param directory one that is ours alone
   * @throws Error if the file cannot be made, or another process has locked it
   */
  static lock(directory: string): BridgeFile {
    const path = bridgePath(directory);
    const fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      if (!lockFile(fd)) throw new Error(`${path} is locked by another process`);
      ftruncateSync(fd);
      return new BridgeFile(path, fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  write(record: BridgeRecord): void {
    writeSync(this.#fd, JSON.stringify(record), 0);
  }

  /** Removes the names from it. */
  clear(): void {
    try {
      ftruncateSync(this.#fd);
    } finally {
      closeSync(this.#fd);
    }
  }
}

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const { O_WRONLY, O_CREAT, O_NOFOLLOW } = constants;

/** A file that is written only at its end, and that only its owner may open. */
export class AppendFile {
  readonly #handle: FileHandle;
  #length: number;

  private constructor(handle: FileHandle, length: number) {
    this.#handle = handle;
    this.#length = length;
  }

  /**
   * Opens or makes a file and continues behind its first `length` bytes; the rest is cut off.
   *
   * @throws ErrnoException; ELOOP if the name is a symbolic link
   */
  static async open(path: string, length = 0): Promise<AppendFile> {
    const handle = await open(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      await handle.truncate(length);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new AppendFile(handle, length);
  }

  /** Bytes that were written whole. */
  get length(): number {
    return this.#length;
  }

  /**
   * Appends all chunks; if it throws, none of them.
   *
   * @throws ErrnoException if the disk refuses them
   */
  async append(chunks: readonly Uint8Array[]): Promise<void> {
    const total = chunks.reduce((sum, { length }) => sum + length, 0);
    try {
      const { bytesWritten } = await this.#handle.writev(chunks, this.#length);
      // A disk that is nearly full takes a part, and reports the reason at the next write.
      if (bytesWritten < total) {
        await this.#appendBytes(Buffer.concat(chunks).subarray(bytesWritten), this.#length + bytesWritten);
      }
    } catch (error) {
      // The part that was written must not come before the next write.
      await this.#handle.truncate(this.#length).catch(() => {});
      throw error;
    }
    this.#length += total;
  }

  async #appendBytes(bytes: Buffer, at: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await this.#handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
    }
  }

  /**
   * Whether the file still has a name. If it was deleted, it can still be written, and disappears with the process.
   */
  async isThere(): Promise<boolean> {
    return (await this.#handle.stat()).nlink > 0;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

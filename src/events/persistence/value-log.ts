import { readFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { AppendFile } from './append-file.ts';
import { encodeFrame, type Frame, scanFrames } from './frame.ts';
import { parseJson } from './parse-json.ts';

/** Kind of a frame: JSON `[key, value]`, or `[key]` for a removed value. */
const VALUE = 1;
/** The file is rewritten when it is longer than this and longer than eight times what is worth keeping. */
const REWRITE_BYTES = 64 * 1024;
const REWRITE_FACTOR = 8;

/**
 * A few named values on disk, as JSON; the last one of each name counts. Values are appended. When the file has
 * grown, it is rewritten beside the old one and renamed into its place.
 */
export class ValueLog {
  readonly #path: string;
  readonly #values: Map<string, unknown>;
  #file: AppendFile | undefined;
  /** Bytes of whole frames found at the start. */
  readonly #length: number;
  #keptBytes = 0;

  private constructor(path: string, values: Map<string, unknown>, length: number) {
    this.#path = path;
    this.#values = values;
    this.#length = length;
  }

  /** Reads what is there. */
  static open(path: string): { readonly log: ValueLog; readonly lostBytes: number } {
    const bytes = readIfThere(path);
    const { frames, length } = scanFrames(bytes);
    const values = new Map<string, unknown>();
    let lostBytes = bytes.length - length;
    for (const frame of frames) {
      const entry = parseEntry(frame);
      if (entry === undefined) lostBytes += frame.payload.length;
      else if (entry[1] === undefined) values.delete(entry[0]);
      else values.set(entry[0], entry[1]);
    }
    return { log: new ValueLog(path, values, length), lostBytes };
  }

  get(key: string): unknown {
    return this.#values.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#values.keys();
  }

  /**
   * Writes values; undefined removes one.
   *
   * @throws ErrnoException if the disk refuses them; they can be passed again then
   */
  async write(entries: Iterable<readonly [key: string, value: unknown]>): Promise<void> {
    const chunks: Uint8Array[] = [];
    for (const [key, value] of entries) {
      if (value === undefined) this.#values.delete(key);
      else this.#values.set(key, value);
      chunks.push(...encodeEntry(key, value));
    }
    if (chunks.length === 0) return;
    this.#file ??= await AppendFile.open(this.#path, this.#length);
    if (this.#file.length > Math.max(REWRITE_BYTES, REWRITE_FACTOR * this.#keptBytes)) await this.#rewrite();
    else await this.#file.append(chunks);
  }

  async #rewrite(): Promise<void> {
    const path = `${this.#path}.new`;
    const file = await AppendFile.open(path);
    try {
      await file.append([...this.#values].flatMap(([key, value]) => encodeEntry(key, value)));
      await rename(path, this.#path);
    } catch (error) {
      await file.close();
      throw error;
    }
    await this.#file?.close();
    this.#file = file;
    this.#keptBytes = file.length;
  }

  /** Whether the file being written is still in the directory. */
  async isThere(): Promise<boolean> {
    return (await this.#file?.isThere()) ?? true;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }
}

const encodeEntry = (key: string, value: unknown): Uint8Array[] =>
  encodeFrame(VALUE, [Buffer.from(JSON.stringify(value === undefined ? [key] : [key, value]))]);

const parseEntry = ({ kind, payload }: Frame): readonly [string, unknown] | undefined => {
  const entry = kind === VALUE ? parseJson(payload) : undefined;
  if (!Array.isArray(entry) || typeof entry[0] !== 'string') return undefined;
  return [entry[0], entry[1]];
};

const readIfThere = (path: string): Buffer => {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
};

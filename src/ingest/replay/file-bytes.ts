import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, createReadStream, readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { messageOf } from '../../runtime/message-of.ts';
import { ReplayError, unreadable } from './replay-error.ts';
import { STANDARD_INPUT } from './standard-input.ts';

/** Bytes per read. */
export const REPLAY_CHUNK_BYTES = 1 << 20;

/** The same for a small file, which may grow in the meantime. */
const LEAST_BYTES = 4_096;

const STDIN = 0;

/** The content of a file while it is read. */
export interface FileBytes {
  /**
   * The content, decompressed, and converted from UTF-16 to UTF-8. A chunk may be overwritten when the next one is
   * asked for. Can be read once.
   */
  readonly chunks: AsyncGenerator<Buffer, void, undefined>;
  /** Bytes of the file itself read so far. */
  position(): number;
  /** Whether `chunks` differ from the file's own bytes; then reading cannot begin in the middle. */
  readonly isPacked: boolean;
  /** Size of the file itself, in bytes; undefined if unknown. */
  readonly size: number | undefined;
  /** Why the file broke off; known when `chunks` has ended. */
  problem(): string | undefined;
  /** Idempotent. Reading to the end also closes. */
  close(): Promise<void>;
}

/** First bytes of compressed files; `program` decompresses what Node cannot. */
const PACKINGS: readonly {
  readonly name: string;
  readonly magic: readonly number[];
  readonly program?: string;
}[] = [
  { name: 'gzip', magic: [0x1f, 0x8b] },
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], program: 'xz' },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68], program: 'bzip2' },
];
const MAGIC_BYTES = 5;
const PROGRAM_DIRECTORIES = ['/usr/bin', '/bin', '/usr/local/bin', '/opt/homebrew/bin'];

/**
 * Opens a file, or standard input.
 *
 * @param from byte to begin with, for a file that is not compressed
 * @throws ReplayError, also later from `chunks`
 */
export const openBytes = async (path: string, from = 0): Promise<FileBytes> => {
  if (STANDARD_INPUT.has(path)) {
    return ofStream(path, createReadStream('', { fd: STDIN, autoClose: false }));
  }
  const file = await open(path, 'r').catch(cause => {
    throw unreadable(path, cause);
  });
  try {
    const about = await file.stat();
    if (!about.isFile()) {
      if (about.isDirectory()) throw Object.assign(new Error('EISDIR'), { code: 'EISDIR' });
      return ofStream(path, file.createReadStream());
    }
    const magic = Buffer.alloc(MAGIC_BYTES);
    readSync(file.fd, magic, 0, MAGIC_BYTES, 0);
    const packing = PACKINGS.find(each => each.magic.every((byte, index) => magic[index] === byte));
    if (packing === undefined) return ofFile(path, file, about.size, from);
    return ofPacked(path, file, about.size, packing);
  } catch (cause) {
    await file.close();
    throw cause instanceof ReplayError ? cause : unreadable(path, cause);
  }
};

/**
 * Plain files are read into the same memory in large pieces: many small reads, and new memory for each, would take
 * most of the time.
 */
const ofFile = (path: string, file: FileHandle, size: number, from: number): FileBytes => {
  let position = from;
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await file.close();
    isOpen = false;
  };
  async function* read(): AsyncGenerator<Buffer, void, undefined> {
    // A megabyte for each of many small files would make the garbage collector scan the whole heap.
    const rest = Math.max(LEAST_BYTES, Math.min(size - from, REPLAY_CHUNK_BYTES));
    const buffer = Buffer.allocUnsafeSlow(rest);
    try {
      for (;;) {
        const length = readSync(file.fd, buffer, 0, buffer.length, position);
        if (length === 0) return;
        position += length;
        yield length === buffer.length ? buffer : buffer.subarray(0, length);
      }
    } catch (cause) {
      throw unreadable(path, cause);
    } finally {
      await close();
    }
  }
  return {
    isPacked: false,
    chunks: asUtf8(read(), from === 0),
    position: () => position,
    size,
    problem: () => undefined,
    close,
  };
};

const ofStream = (path: string, stream: Readable): FileBytes => {
  let position = 0;
  async function* read(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for await (const chunk of stream) {
        position += (chunk as Buffer).length;
        yield chunk as Buffer;
      }
    } catch (cause) {
      throw unreadable(path, cause);
    }
  }
  return {
    isPacked: true,
    chunks: asUtf8(read(), true),
    position: () => position,
    size: undefined,
    problem: () => undefined,
    close: async () => {
      stream.destroy();
    },
  };
};

const ofPacked = (
  path: string,
  file: FileHandle,
  size: number,
  { name, program }: (typeof PACKINGS)[number],
): FileBytes => {
  const source = file.createReadStream({ highWaterMark: REPLAY_CHUNK_BYTES / 4 });
  let problem: string | undefined;
  let unpacked: Readable;
  /** The program reports only at its end whether that was all. */
  let ended: Promise<void> | undefined;
  if (program === undefined) {
    const unpack = name === 'gzip' ? createGunzip() : createZstdDecompress();
    source.on('error', cause => unpack.destroy(cause));
    unpacked = source.pipe(unpack);
  } else {
    const child = spawn(programPath(path, name, program), ['-dc'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: {},
    });
    child.on('error', cause => child.stdout.destroy(cause));
    child.stdin.on('error', () => {});
    ended = new Promise(resolve => {
      child.on('close', code => {
        if (code !== 0) problem ??= `its ${name} data is damaged or cut off: the rest is lost`;
        resolve();
      });
    });
    source.pipe(child.stdin);
    unpacked = child.stdout;
  }
  async function* read(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for await (const chunk of unpacked) yield chunk as Buffer;
      await ended;
    } catch (cause) {
      problem = `its ${name} data is damaged or cut off: the rest is lost (${messageOf(cause)})`;
    } finally {
      source.destroy();
    }
  }
  return {
    isPacked: true,
    chunks: asUtf8(read(), true),
    position: () => source.bytesRead,
    size,
    problem: () => problem,
    close: async () => {
      source.destroy();
      unpacked.destroy();
      if (!source.closed) await once(source, 'close');
    },
  };
};

const programPath = (path: string, name: string, program: string): string => {
  for (const directory of PROGRAM_DIRECTORIES) {
    try {
      accessSync(`${directory}/${program}`, constants.X_OK);
      return `${directory}/${program}`;
    } catch {
      // Tries the next one.
    }
  }
  throw new ReplayError(
    'unreadable',
    `replay file ${JSON.stringify(path)} is compressed with ${name}, and this system has no ${program}: unpack it first`,
  );
};

/** Removes a byte order mark; UTF-16 with a mark is converted to UTF-8. */
async function* asUtf8(
  chunks: AsyncGenerator<Buffer, void, undefined>,
  isBeginning: boolean,
): AsyncGenerator<Buffer, void, undefined> {
  if (!isBeginning) {
    yield* chunks;
    return;
  }
  let decoder: TextDecoder | undefined;
  let isFirst = true;
  for await (const chunk of chunks) {
    let bytes = chunk;
    if (isFirst) {
      isFirst = false;
      if (bytes[0] === 0xff && bytes[1] === 0xfe) decoder = new TextDecoder('utf-16le');
      else if (bytes[0] === 0xfe && bytes[1] === 0xff) decoder = new TextDecoder('utf-16be');
      else if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) bytes = bytes.subarray(3);
    }
    yield decoder === undefined ? bytes : Buffer.from(decoder.decode(bytes, { stream: true }), 'utf8');
  }
}

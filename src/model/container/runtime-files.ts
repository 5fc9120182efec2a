import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import type { ContainerDetails } from './container-details.ts';

/**
 * Reads what a runtime leaves on disk about a container.
 *
 * @param read a file of the host; undefined if it is missing or too large
 * @returns undefined if the runtime knows no container of that id
 */
export type RuntimeFiles = (
  id: string,
  read: (path: string) => Buffer | undefined,
) => Partial<ContainerDetails> | undefined;

/** Larger files of runtimes are not read. */
const MAX_BYTES = 8_388_608;

/**
 * A regular file of the host; undefined if it is missing or too large. Only root can write where runtimes keep
 * theirs.
 */
export const readHostFile = (path: string): Buffer | undefined => {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const stats = fstatSync(fd);
    return stats.isFile() && stats.size <= MAX_BYTES ? readFileSync(fd) : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
};

export type JsonObject = Readonly<Record<string, unknown>>;

/** @throws SyntaxError if it is not JSON */
export const parseJson = (bytes: Buffer | undefined): unknown =>
  bytes === undefined ? undefined : JSON.parse(bytes.toString());

/** A part of JSON that should be an object; an empty object if it is not. */
export const objectIn = (value: unknown, name: string): JsonObject => {
  const part = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return isObject(part) ? part : {};
};

/** A part of JSON that should be a text. */
export const textIn = (value: unknown, name: string): string | undefined => {
  const part = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return typeof part === 'string' ? part : undefined;
};

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

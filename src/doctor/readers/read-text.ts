import { readFlagfile } from '../../flags/read-flagfile.ts';
import { messageOf } from '../../runtime/message-of.ts';

export type TextReading =
  | { readonly kind: 'read'; readonly text: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly why: string };

/** Reads a text file of at most `limit` bytes. Devices and pipes cannot block it. */
export const readText = (path: string, limit: number): TextReading => {
  try {
    const bytes = readFlagfile(path, limit);
    return bytes.length > limit
      ? { kind: 'unreadable', why: `it is larger than ${limit} bytes` }
      : { kind: 'read', text: new TextDecoder().decode(bytes) };
  } catch (error) {
    return fileFailure(error);
  }
};

/** Why a file could not be read. */
export const fileFailure = (error: unknown): Exclude<TextReading, { kind: 'read' }> => {
  switch (errorCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { kind: 'missing' };
    case 'EACCES':
    case 'EPERM':
      return { kind: 'unreadable', why: 'permission denied' };
    case 'EISDIR':
      return { kind: 'unreadable', why: 'it is a directory' };
    case 'ELOOP':
      return { kind: 'unreadable', why: 'its symbolic links form a loop' };
    default:
      return { kind: 'unreadable', why: messageOf(error) };
  }
};

const errorCode = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

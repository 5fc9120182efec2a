import { darwinErrno } from './bsm-errno.ts';
import type { Header } from './header.ts';
import type { BsmRecord } from './record.ts';
import type { KnownToken, Token } from './token-table.ts';

/** The acting process and where its session came from. */
export type Subject = Extract<KnownToken, { kind: `subject${string}` }>;

/** One file that a record names: its paths and its attributes. */
export interface NamedFile {
  /** As the caller gave it, made absolute; undefined for a file given by its descriptor. */
  readonly asked: string | undefined;
  /** With symbolic links resolved, if the kernel recorded that; else as `asked`. */
  readonly resolved: string | undefined;
  readonly attr: Extract<KnownToken, { kind: 'attr32' | 'attr64' }> | undefined;
}

export interface RecordResult {
  /** In BSM's numbering; 0 is success. */
  readonly bsmErrno: number;
  /** The macOS errno; 0 is success. */
  readonly status: number;
  /** What the call returned, or the negative macOS errno of its failure. */
  readonly exit: number;
}

type Found<K extends Token['kind']> = Extract<Token, { kind: K }>;

/** The first token of one of these kinds. */
export const findToken = <K extends Token['kind']>(
  tokens: readonly Token[],
  ...kinds: K[]
): Found<K> | undefined =>
  tokens.find((token): token is Found<K> => (kinds as Token['kind'][]).includes(token.kind));

export const findSubject = ({ tokens }: BsmRecord): Subject | undefined =>
  findToken(tokens, 'subject32', 'subject32_ex', 'subject64', 'subject64_ex');

export const findResult = ({ tokens }: BsmRecord): RecordResult | undefined => {
  const found = findToken(tokens, 'return32', 'return64');
  if (found === undefined) return undefined;
  if (found.error === 0) return { bsmErrno: 0, status: 0, exit: Number(found.value) };
  const status = darwinErrno(found.error);
  return { bsmErrno: found.error, status, exit: -status };
};

/** The value of argument `number`. xnu numbers from 1 and uses 0 for a result of the call. */
export const findArgument = ({ tokens }: BsmRecord, number: number): number | undefined => {
  const found = tokens.find(
    (token): token is Found<'arg32' | 'arg64'> =>
      (token.kind === 'arg32' || token.kind === 'arg64') && token.number === number,
  );
  return found && Number(found.value);
};

/**
 * The files of an exec, in order: the file itself and, for a script, its interpreter. Each has up to two paths (as
 * asked, resolved) and ends with an attr token. A file that was not found has no attr.
 */
export const findFiles = ({ tokens }: BsmRecord): readonly NamedFile[] => {
  const files: NamedFile[] = [];
  let paths: string[] = [];
  const close = (attr: NamedFile['attr']): void => {
    const [asked, resolved = asked] = paths;
    if (asked !== undefined || attr !== undefined) files.push({ asked, resolved, attr });
    paths = [];
  };
  for (const token of tokens) {
    if (token.kind === 'path') paths.push(token.path);
    else if (token.kind === 'attr32' || token.kind === 'attr64') close(token);
  }
  close(undefined);
  return files;
};

/** Seconds since the epoch; undefined for a 64-bit time that is out of range. */
export const headerSeconds = ({ seconds }: Header): number | undefined =>
  seconds <= Number.MAX_SAFE_INTEGER ? Number(seconds) : undefined;

/** Solaris wrote nanoseconds in the place of OpenBSM's milliseconds. */
const SOLARIS_VERSIONS: readonly number[] = [2, 3, 4];

/** 0–999. */
export const headerMilliseconds = ({ version, milliseconds }: Header): number => {
  const value = Number(milliseconds);
  const scaled = SOLARIS_VERSIONS.includes(version) && value > 999 ? Math.floor(value / 1_000_000) : value;
  return Math.min(scaled, 999);
};

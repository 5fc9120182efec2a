/** Digests of a whole file, in lower-case hex. */
export interface Digests {
  /** undefined where the crypto library refuses MD5 (FIPS mode). */
  readonly md5: string | undefined;
  readonly sha256: string;
}

/** Digests remembered, by version of the file. */
export const MAX_REMEMBERED = 8_192;

/** Where the digests of an image are kept once somebody asked: the answer, or the one read that will bring it. */
export interface DigestSlot {
  digests: Digests | 'unknown' | Promise<Digests | undefined> | undefined;
  /** With `unknown`: when it makes sense to ask again, in monotonic milliseconds; undefined if never. */
  askAgainMs: number | undefined;
}

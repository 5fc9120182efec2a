/** Digests of a whole file, in lower-case hex. */
export interface Digests {
  /** undefined if the crypto library refuses MD5 (FIPS mode). */
  readonly md5: string | undefined;
  readonly sha256: string;
}

/** Most digests that are remembered, by version of the file. */
export const MAX_REMEMBERED = 8_192;

/** Holds the digests of an image once they were asked for: the answer, or the one read that will bring it. */
export interface DigestSlot {
  digests: Digests | 'unknown' | Promise<Digests | undefined> | undefined;
  /** With `unknown`: when to ask again, in monotonic milliseconds; undefined for never. */
  askAgainMs: number | undefined;
}

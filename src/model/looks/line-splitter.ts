/** Longest line that is read; our own messages are far shorter. */
export const MAX_LINE_BYTES = 4_194_304;

const NEWLINE = 0x0a;

/** Joins the pieces of a stream of JSON lines. */
export class LineSplitter {
  #pieces: Buffer[] = [];
  #length = 0;

  /**
   * @param bytes are kept until their line has ended
   * @throws Error if a line is longer than MAX_LINE_BYTES, SyntaxError if it is not JSON
   */
  push(bytes: Buffer, each: (message: unknown) => void): void {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#pieces.push(bytes.subarray(start, end));
      const line = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
      this.#pieces = [];
      this.#length = 0;
      start = end + 1;
      each(JSON.parse(line.toString()));
    }
    if (start < bytes.length) {
      this.#pieces.push(bytes.subarray(start));
      this.#length += bytes.length - start;
      if (this.#length > MAX_LINE_BYTES)
        throw new Error(`expected a line of at most ${MAX_LINE_BYTES} bytes`);
    }
  }
}

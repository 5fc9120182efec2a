import { RecordParser } from '../audit/record.ts';

/**
 * Recognizes records that come twice when the stream changes its owner: those sent while the socket received both the
 * multicast copy and the unicast stream, where the two directly follow each other; and those that the kernel kept for
 * the next owner after it had sent the copy.
 */
export class RepeatedRecords {
  readonly #parser = new RecordParser();
  readonly #isFinished: (serial: number) => boolean;
  #type = 0;
  #last = Buffer.alloc(0);

  /** @param isFinished whether the event of that serial was received to its end */
  constructor(isFinished: (serial: number) => boolean) {
    this.#isFinished = isFinished;
  }

  /** Takes each record in the order received. */
  isRepeated(type: number, bytes: Buffer, start: number, end: number): boolean {
    const payload = bytes.subarray(start, end);
    if (type === this.#type && payload.equals(this.#last)) return true;
    this.#type = type;
    this.#last = Buffer.from(payload);
    const record = this.#parser.parse(type, bytes, start, end);
    return record !== undefined && this.#isFinished(record.serial);
  }
}

/** Counters of one trail, updated while it is read. Everything that can be lost is counted here. */
export interface TrailCounters {
  /** Records whose header and trailer agree. */
  records: number;
  events: number;
  /** Records of a table's event that lack a part the event must have: who acted, how it ended, or when. */
  unusable: number;
  /** Tokens whose id has no known layout. What follows one in its record is not read. */
  unknownTokens: number;
  /** Records that could not be read to their end, and stretches that are not records. */
  malformed: number;
  /** Bytes that belong to no record. */
  skippedBytes: number;
}

export const createTrailCounters = (): TrailCounters => ({
  records: 0,
  events: 0,
  unusable: 0,
  unknownTokens: 0,
  malformed: 0,
  skippedBytes: 0,
});

/** A part of a trail that could not be read. */
export interface TrailProblem {
  /** From the start of the trail, in bytes. */
  readonly offset: number;
  readonly message: string;
}

/** `offset 120: …` */
export const formatProblem = ({ offset, message }: TrailProblem): string => `offset ${offset}: ${message}`;

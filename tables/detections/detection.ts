/** A SELECT in its parts, so that a condition can be added to it, and so that it can be written on one line or on many. */
export interface DetectionQuery {
  readonly select: readonly string[];
  readonly from: string;
  /** Joined by AND. */
  readonly where: readonly string[];
  readonly groupBy?: string;
  readonly having?: string;
}

/** Something that a person on call wants to be woken for, and how to find it. */
export interface Detection {
  /** Of the query in osquery and Fleet. */
  readonly name: string;
  /** The pack that contains it: one for events of processes, sockets and users, one for events of files. */
  readonly pack: 'detections' | 'file_detections';
  /** One sentence: what a row means. */
  readonly description: string;
  /** Techniques of MITRE ATT&CK. */
  readonly attack: readonly string[];
  /** Seconds between two runs. */
  readonly interval: number;
  /** What ordinary work also looks like this. */
  readonly falsePositives: string;
  /** A condition to add for such work, as an example; it begins with AND. */
  readonly exclude: string;
  readonly query: DetectionQuery;
}

/** The query as a statement. `added` is a further condition, which begins with AND. */
export const statementOf = (
  { select, from, where, groupBy, having }: DetectionQuery,
  { added = '', separator = ' ' }: { readonly added?: string; readonly separator?: string } = {},
): string => {
  const condition = [...where.map((each, index) => (index === 0 ? each : `AND ${each}`)), added].filter(
    each => each !== '',
  );
  return `${[
    `SELECT ${select.join(', ')}`,
    `FROM ${from}`,
    `WHERE ${condition.join(separator === ' ' ? ' ' : `${separator}  `)}`,
    ...(groupBy === undefined ? [] : [`GROUP BY ${groupBy}`]),
    ...(having === undefined ? [] : [`HAVING ${having}`]),
  ].join(separator)};`;
};

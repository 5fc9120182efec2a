/** Which programs and users make the events of a while. */

/** Events that are alike. */
export interface EventGroup {
  /** What they are: the table's name without `_events`. */
  readonly kind: string;
  readonly program: string;
  /** The program that started it; empty if it is not known. */
  readonly startedBy: string;
  readonly user: string;
  readonly events: number;
  /** Characters of their rows in a result log. */
  readonly bytes: number;
}

/** A line of a picture. */
export interface Rate {
  readonly events: number;
  readonly bytes: number;
  readonly eventsPerSecond: number;
  /** Of all events, from 0 to 1. */
  readonly share: number;
  readonly bytesPerSecond: number;
  /** Percent of a CPU that the extension spent on them; undefined if it is not known. */
  readonly cpu: number | undefined;
}

export interface ProgramRate extends Rate {
  readonly kind: string;
  readonly program: string;
  readonly startedBy: string;
  readonly user: string;
}

export interface UserRate extends Rate {
  readonly user: string;
}

/** What happened in a while. */
export interface Picture {
  readonly seconds: number;
  readonly events: number;
  readonly bytes: number;
  readonly eventsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Percent of a CPU that the extension used; undefined if it is not known. */
  readonly cpu: number | undefined;
  /** Events that left the buffer before they were counted by program. */
  readonly unseen: number;
  /** Those with the most events first. */
  readonly programs: readonly ProgramRate[];
  readonly users: readonly UserRate[];
}

export interface While {
  readonly seconds: number;
  readonly groups: readonly EventGroup[];
  readonly unseen: number;
  /** Seconds of CPU of the extension; undefined if they are not known. */
  readonly cpuSeconds: number | undefined;
}

/** The extension's CPU is shared out by the number of events: each takes about the same. */
export const pictureOf = ({ seconds, groups, unseen, cpuSeconds }: While): Picture => {
  const events = groups.reduce((sum, group) => sum + group.events, 0);
  const bytes = groups.reduce((sum, group) => sum + group.bytes, 0);
  const all = events + unseen;
  const cpu = cpuSeconds === undefined ? undefined : (100 * cpuSeconds) / seconds;
  const rateOf = (sum: Sum): Rate => ({
    events: sum.events,
    bytes: sum.bytes,
    eventsPerSecond: sum.events / seconds,
    share: all === 0 ? 0 : sum.events / all,
    bytesPerSecond: sum.bytes / seconds,
    cpu: cpu === undefined || all === 0 ? undefined : (cpu * sum.events) / all,
  });
  return {
    seconds,
    events: all,
    bytes,
    eventsPerSecond: all / seconds,
    bytesPerSecond: bytes / seconds,
    cpu,
    unseen,
    programs: summed(groups, ({ kind, program, startedBy, user }) =>
      JSON.stringify([kind, program, startedBy, user]),
    ).map(({ first: { kind, program, startedBy, user }, ...sum }) => ({
      ...rateOf(sum),
      kind,
      program,
      startedBy,
      user,
    })),
    users: summed(groups, ({ user }) => user).map(({ first: { user }, ...sum }) => ({
      ...rateOf(sum),
      user,
    })),
  };
};

interface Sum {
  readonly events: number;
  readonly bytes: number;
}

const summed = (
  groups: readonly EventGroup[],
  keyOf: (group: EventGroup) => string,
): readonly (Sum & { readonly first: EventGroup })[] => {
  const sums = new Map<string, { first: EventGroup; events: number; bytes: number }>();
  for (const group of groups) {
    const key = keyOf(group);
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, { first: group, events: group.events, bytes: group.bytes });
    else {
      sum.events += group.events;
      sum.bytes += group.bytes;
    }
  }
  return [...sums.values()].sort((a, b) => b.events - a.events || b.bytes - a.bytes);
};

import { FlagError, quoteText } from '../flags/flag-error.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import { parseTime, type ReplayTimes } from '../ingest/replay/replay-times.ts';

/**
 * The time range of --since and --until.
 *
 * @returns undefined if neither is given
 * @throws FlagError
 */
export const replayTimes = (flags: ParsedFlags, now: number = Date.now()): ReplayTimes | undefined => {
  const since = timeOf(flags, 'since', now);
  const until = timeOf(flags, 'until', now);
  if (since === undefined && until === undefined) return undefined;
  return { from: since ?? Number.NEGATIVE_INFINITY, to: until ?? Number.POSITIVE_INFINITY };
};

/** The same range as arguments of an extension. */
export const replayTimeArguments = (times: ReplayTimes | undefined): string[] => [
  ...(times !== undefined && Number.isFinite(times.from) ? [`--since=${times.from}`] : []),
  ...(times !== undefined && Number.isFinite(times.to) ? [`--until=${times.to}`] : []),
];

const timeOf = (flags: ParsedFlags, name: string, now: number): number | undefined => {
  const text = flags.values.get(name);
  if (text === undefined || text === '') return undefined;
  const time = parseTime(text, now);
  if (time !== undefined) return time;
  throw new FlagError(
    'bad-value',
    `--${name}: expected a time such as 2026-11-30, 2026-11-30T13:00 or 2h, got ${quoteText(text)}`,
  );
};

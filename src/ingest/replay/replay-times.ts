/** Time range of the events to replay, in seconds since the epoch; both inclusive. */
export interface ReplayTimes {
  readonly from: number;
  readonly to: number;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/**
 * Reads a time as people write it: `2026-11-30`, `2026-11-30T13:00`, `2026-11-30 13:00:05Z`, seconds since the epoch,
 * or `2h` for two hours ago. Without a zone it is in this system's time zone.
 *
 * @param now in milliseconds since the epoch
 * @returns seconds since the epoch; undefined if it is not a time
 */
export const parseTime = (text: string, now: number): number | undefined => {
  const ago = /^(\d{1,6})([smhd])$/.exec(text);
  if (ago !== null) return now / 1000 - Number(ago[1]) * UNITS[ago[2]!]!;
  if (/^\d{9,11}(?:\.\d+)?$/.test(text)) return Number(text);
  const date = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?)?$/.exec(text);
  if (date === null) return undefined;
  const [, day, time = '00:00', zone = ''] = date;
  const milliseconds = Date.parse(`${day}T${time}${zone}`);
  return Number.isNaN(milliseconds) ? undefined : milliseconds / 1000;
};

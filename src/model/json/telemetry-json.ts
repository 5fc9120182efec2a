import type { TelemetryEvent } from '../telemetry-model.ts';

/**
 * An event as one line of JSON: the chosen fields in the given order, numbers as numbers, argv and ancestors as
 * arrays, null for unknown values. Its encoding is always valid UTF-8: the event's text contains no other bytes, and
 * JSON escapes lone surrogates.
 *
 * @param pretty on several lines, for people
 * @returns with a line end
 */
export const telemetryJson = (
  { fields }: Pick<TelemetryEvent, 'fields'>,
  names: readonly string[],
  pretty = false,
): string => {
  const values = fields as Readonly<Record<string, unknown>>;
  const chosen: Record<string, unknown> = {};
  for (const name of names) chosen[name] = values[name] ?? null;
  return `${JSON.stringify(chosen, null, pretty ? 2 : undefined)}\n`;
};

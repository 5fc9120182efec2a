import type { TelemetryEvent } from '../telemetry-model.ts';

/**
 * An event as one line of JSON: the chosen fields in the order given, numbers as numbers, argv and ancestors as
 * arrays, null for what is not known. Always valid UTF-8 once encoded: text of the event has no bytes that are not,
 * and JSON escapes halves of surrogate pairs.
 *
 * @param pretty over several lines, for people
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

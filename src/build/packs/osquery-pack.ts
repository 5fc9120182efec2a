import { type Detection, statementOf } from '../../../tables/detections/detection.ts';

/**
 * Detections as a pack of osquery. Each is one line of JSON values; osquery ignores the keys that it does not know (`attack`,
 * `false_positives`, `exclude`).
 *
 * @param watched what osquery is to watch for the pack's events of files, by category
 */
export const osqueryPack = (
  detections: readonly Detection[],
  watched?: Readonly<Record<string, readonly string[]>>,
): string => {
  const queries = Object.fromEntries(
    detections.map(({ name, query, interval, description, attack, falsePositives, exclude }) => [
      name,
      {
        query: statementOf(query),
        interval,
        removed: false,
        description,
        value: `ATT&CK ${attack.join(', ')}`,
        attack,
        false_positives: falsePositives,
        exclude,
      },
    ]),
  );
  const pack = { platform: 'linux', ...(watched === undefined ? {} : { file_paths: watched }), queries };
  return `${JSON.stringify(pack, null, 2)}\n`;
};

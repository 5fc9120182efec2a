import type { FlagDefinition } from '../../flags/flag-definition.ts';
import { numberRange } from '../../flags/flag-range.ts';
import { code, markdownTable } from './page-parts.ts';

/** The flags with their defaults, ranges, effects and costs; with `shipped`, what our osquery.flags sets. */
export const flagTablePart = (
  flags: readonly FlagDefinition[],
  shipped?: ReadonlyMap<string, string>,
): string =>
  markdownTable(
    [
      'name',
      'default',
      ...(shipped === undefined ? [] : ['in our `osquery.flags`']),
      'values',
      'effect',
      'cost',
    ],
    flags
      .filter(({ aliasOf }) => aliasOf === undefined)
      .map(flag => [
        code(flag.name),
        flag.defaultValue === '' ? 'empty' : code(flag.defaultValue),
        ...(shipped === undefined ? [] : [code(shipped.get(flag.name) ?? '')]),
        flagValues(flag),
        `${flag.help}.`,
        flag.cost === undefined ? '' : `${flag.cost}.`,
      ]),
  );

/** The values that a flag takes, in words. */
const flagValues = (flag: FlagDefinition): string => {
  const { type, words, valueName } = flag;
  if (words !== undefined) return words.map(word => code(word)).join(', ');
  if (type === 'bool') return '`true`, `false`';
  return numberRange(flag) ?? (valueName === undefined ? 'text' : code(valueName));
};

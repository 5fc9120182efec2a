import type { FlagDefinition } from '../../flags/flag-definition.ts';
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
        flagRange(flag),
        `${flag.help}.`,
        flag.cost === undefined ? '' : `${flag.cost}.`,
      ]),
  );

/** Largest values of gflags' types of numbers. */
const LARGEST = { int32: '2147483647', uint32: '4294967295', uint64: '18446744073709551615' } as const;

/** The values that a flag takes, in words. */
export const flagRange = ({ type, words, minimum, maximum, valueName }: FlagDefinition): string => {
  if (words !== undefined) return words.map(word => code(word)).join(', ');
  if (type === 'bool') return '`true`, `false`';
  if (type === 'string') return valueName === undefined ? 'text' : code(valueName);
  const least = minimum?.toString() ?? (type === 'int32' ? '-2147483648' : '0');
  return maximum === undefined && type === 'uint64'
    ? `from ${least}`
    : `${least} to ${maximum?.toString() ?? LARGEST[type]}`;
};

import type { FlagDefinition } from '../../flags/flag-definition.ts';
import { numberRange } from '../../flags/flag-range.ts';
import { code, markdownTable } from './page-parts.ts';

/**
 * The flags with their defaults, values, effects, and costs if any has one; with `shipped`, what our osquery.flags
 * sets.
 */
export const flagTablePart = (
  flags: readonly FlagDefinition[],
  shipped?: ReadonlyMap<string, string>,
): string => {
  const columns: [heading: string, cell: (flag: FlagDefinition) => string][] = [
    ['name', ({ name }) => code(name)],
    ['default', ({ defaultValue }) => (defaultValue === '' ? 'empty' : code(defaultValue))],
  ];
  if (shipped !== undefined)
    columns.push(['in our `osquery.flags`', ({ name }) => code(shipped.get(name) ?? '')]);
  columns.push(['values', flagValues], ['effect', ({ help }) => `${help}.`]);
  if (flags.some(({ cost }) => cost !== undefined))
    columns.push(['cost', ({ cost }) => (cost === undefined ? '' : `${cost}.`)]);
  return markdownTable(
    columns.map(([heading]) => heading),
    flags.filter(({ aliasOf }) => aliasOf === undefined).map(flag => columns.map(([, cell]) => cell(flag))),
  );
};

/** The values that a flag takes, in words. */
const flagValues = (flag: FlagDefinition): string => {
  const { type, words, valueName } = flag;
  if (words !== undefined) return words.map(word => code(word)).join(', ');
  if (type === 'bool') return '`true`, `false`';
  return numberRange(flag) ?? (valueName === undefined ? 'text' : code(valueName));
};

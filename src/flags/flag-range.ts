import type { FlagDefinition } from './flag-definition.ts';

/** Largest values of gflags' types of numbers. */
const LARGEST = { int32: '2147483647', uint32: '4294967295', uint64: undefined } as const;

/** The numbers that a flag takes, in words; undefined for a flag that takes none. A uint64 has no bound worth naming. */
export const numberRange = ({ type, minimum, maximum }: FlagDefinition): string | undefined => {
  if (type === 'bool' || type === 'string') return undefined;
  const least = minimum?.toString() ?? (type === 'int32' ? '-2147483648' : '0');
  const most = maximum?.toString() ?? LARGEST[type];
  return most === undefined ? `from ${least}` : `${least} to ${most}`;
};

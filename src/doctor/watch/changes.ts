import type { CheckResult } from '../check-result.ts';

/** Counts and times in a text change all the time; what is found is the same. */
const kindOf = ({ status, found }: CheckResult): string => `${status} ${found.replaceAll(/\d+/g, '#')}`;

/** A result that differs from the one before. */
export interface Change {
  readonly result: CheckResult;
  /** undefined if there was none of this check. */
  readonly was: CheckResult['status'] | undefined;
}

/** The results that have changed, in order, and those of checks that have nothing to say any more. */
export const changesIn = (before: readonly CheckResult[], now: readonly CheckResult[]): readonly Change[] => {
  const former = new Map<string, CheckResult[]>();
  for (const result of before) former.set(result.check, [...(former.get(result.check) ?? []), result]);
  const changed = now.flatMap(result => {
    const same = former.get(result.check) ?? [];
    if (same.some(each => kindOf(each) === kindOf(result))) return [];
    return [{ result, was: same[0]?.status }];
  });
  const named = new Set(now.map(({ check }) => check));
  const gone = before
    .filter(({ check, status }) => status !== 'ok' && !named.has(check))
    .map(({ check, status }) => ({
      result: { check, status: 'ok' as const, found: 'nothing to report any more', fix: null },
      was: status,
    }));
  return [...changed, ...gone];
};

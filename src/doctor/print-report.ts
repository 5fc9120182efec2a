import type { CheckResult, CheckStatus } from './check-result.ts';

/** The report for people: a line for each check, its fix below it, and a count at the end. */
export const printReport = (results: readonly CheckResult[]): string => {
  const width = Math.max(0, ...results.map(({ check }) => check.length));
  const lines = results.flatMap(({ check, status, found, fix }) => [
    `${status.padEnd(STATUS_WIDTH)}${check.padEnd(width + 2)}${printable(found)}`,
    ...(fix === null ? [] : [`${' '.repeat(STATUS_WIDTH + width + 2)}fix: ${printable(fix)}`]),
  ]);
  return `${[...lines, '', summary(results)].join('\n')}\n`;
};

/** The report for programs: an array of the results. */
export const printJson = (results: readonly CheckResult[]): string => `${JSON.stringify(results, null, 2)}\n`;

/** 1 if there is a problem. A check without a result is not a problem. */
export const exitStatus = (results: readonly CheckResult[]): number =>
  results.some(({ status }) => status === 'problem') ? 1 : 0;

const STATUS_WIDTH = 'problem'.length + 2;

const summary = (results: readonly CheckResult[]): string => {
  const count = (status: CheckStatus): number => results.filter(result => result.status === status).length;
  const problems = count('problem');
  return `${problems === 1 ? '1 problem' : `${problems} problems`}, ${count('unknown')} unknown, ${count('ok')} ok`;
};

/** Names of processes and texts of files may hold anything; a terminal must not act on them. */
const printable = (text: string): string => text.replace(/\p{C}|\p{Zl}|\p{Zp}/gu, '\ufffd');

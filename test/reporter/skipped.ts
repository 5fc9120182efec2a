/** A test that was skipped. */
export interface Skipped {
  /** Path in the project. */
  readonly file: string;
  readonly why: string;
}

/** Says which parts of a run were skipped, the largest first; nothing if none was. */
export const describeSkipped = (tests: readonly Skipped[]): string => {
  const reasons = new Map<string, Map<string, number>>();
  for (const { file, why } of tests) {
    const files = reasons.get(why) ?? new Map<string, number>();
    files.set(file, (files.get(file) ?? 0) + 1);
    reasons.set(why, files);
  }
  const parts = [...reasons].map(([why, files]) => ({ why, files, count: sum(files.values()) }));
  parts.sort((one, other) => other.count - one.count);
  const lines = parts.map(({ why, files, count }) => `  ${count} of ${namesOf([...files.keys()])}: ${why}\n`);
  return lines.length === 0 ? '' : `\nSkipped, ${tests.length} tests:\n${lines.join('')}`;
};

const sum = (numbers: Iterable<number>): number => {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
};

/** Three files by their names, more by what they have in common. */
const namesOf = (files: readonly string[]): string => {
  if (files.length <= 3) return files.join(', ');
  const [first, ...others] = files.map(file => file.split('/').slice(0, -1));
  const shared = first!.findIndex((part, index) => others.some(parts => parts[index] !== part));
  return `${(shared < 0 ? first! : first!.slice(0, shared)).join('/')}/ (${files.length} files)`;
};

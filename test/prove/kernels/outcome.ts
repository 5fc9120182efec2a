import { basename } from 'node:path';

/** What vitest's JSON reporter writes, as far as it is read here. */
export interface TestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[] | undefined;
    }[];
  }[];
}

export interface Outcome {
  /** By the name of the file: `18`, `17, 1 skipped`, or `1 of 18 failed`. */
  readonly files: ReadonlyMap<string, string>;
  readonly problems: readonly string[];
}

/** Counts what a run of the tests did; a file that could not be loaded is a problem like a test that failed. */
export const outcomeOf = (report: TestReport): Outcome => {
  const files = new Map<string, string>();
  const problems: string[] = [];
  for (const { name, message, assertionResults } of report.testResults) {
    const file = shortName(name);
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    for (const { fullName, failureMessages } of failed) {
      problems.push(`${file}: ${fullName}: ${firstLine(failureMessages?.[0])}`);
    }
    const passed = assertionResults.filter(({ status }) => status === 'passed').length;
    const skipped = assertionResults.length - passed - failed.length;
    const isBroken = failed.length === 0 && (message ?? '') !== '';
    if (isBroken) problems.push(`${file}: ${firstLine(message)}`);
    if (isBroken) files.set(file, 'failed');
    else if (failed.length > 0) files.set(file, `${failed.length} of ${failed.length + passed} failed`);
    else files.set(file, skipped === 0 ? `${passed}` : `${passed}, ${skipped} skipped`);
  }
  if (files.size === 0) problems.push('expected tests, and none ran');
  return { files, problems };
};

/** `test/live/events.test.ts` is `events`. */
export const shortName = (path: string): string => basename(path, '.test.ts');

const firstLine = (text: string | undefined): string => text?.split('\n')[0] ?? 'it said nothing';

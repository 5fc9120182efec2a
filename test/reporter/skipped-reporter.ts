import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter, TestModule, Vitest } from 'vitest/node';
import { describeSkipped, type Skipped } from './skipped.ts';

/** Prints, at the end of a run, which tests were skipped and why; or writes it to the file SKIPPED_TO, as JSON. */
export default class SkippedReporter implements Reporter {
  #root = '';
  /** Whether all that is selected is run: what a filter leaves out is not told. */
  #isWhole = true;

  onInit(vitest: Vitest): void {
    this.#root = vitest.config.root;
    this.#isWhole = vitest.config.testNamePattern === undefined;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = this.#isWhole ? modules.flatMap(module => this.#skippedIn(module)) : [];
    const { SKIPPED_TO } = process.env;
    if (SKIPPED_TO === undefined) process.stdout.write(describeSkipped(skipped));
    else writeFileSync(SKIPPED_TO, JSON.stringify(skipped));
  }

  #skippedIn(module: TestModule): Skipped[] {
    const file = relative(this.#root, module.moduleId);
    return [...module.children.allTests('skipped')].map(test => {
      const result = test.result();
      const note = result.state === 'skipped' ? result.note : undefined;
      return { file, why: note ?? test.meta().whySkipped ?? 'the test does not say why' };
    });
  }
}

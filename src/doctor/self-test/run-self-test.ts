import type { AuditFacts } from '../facts.ts';
import type { SelfTestPlan, SelfTestResult } from './self-test-result.ts';
import { type TestOptions, testThroughOsquery } from './test-through-osquery.ts';

/** Carries out a plan. Any error becomes the result. */
export const runSelfTest = async (
  plan: SelfTestPlan,
  options: TestOptions,
  readAudit: () => Promise<AuditFacts>,
): Promise<SelfTestResult> => {
  switch (plan.kind) {
    case 'skip':
      return { kind: 'skipped', why: plan.why, fix: plan.fix };
    case 'osquery':
      return testThroughOsquery(plan, options);
    case 'kernel': {
      const { testKernel } = await import('./test-kernel.ts');
      return testKernel(options, readAudit);
    }
  }
};

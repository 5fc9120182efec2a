import { type CheckResult, ok, problem, unknown } from '../check-result.ts';
import type { Facts } from '../facts.ts';
import type { SelfTestResult } from '../self-test/self-test-result.ts';

const CHECK = 'self-test';
const RESTORED = 'audit restored';

/** The result of running one program and looking for its row. */
export const checkSelfTest = ({ selfTest }: Pick<Facts, 'selfTest'>): readonly CheckResult[] => {
  if (selfTest.kind === 'skipped') return [unknown(CHECK, `not made: ${selfTest.why}`, selfTest.fix)];
  return [outcome(selfTest), ...leftovers(selfTest)];
};

type Made = Exclude<SelfTestResult, { kind: 'skipped' }>;

const outcome = (test: Made): CheckResult => {
  switch (test.kind) {
    case 'seen':
      return ok(
        CHECK,
        `${test.program} (pid ${test.pid}) was seen in ${test.source} ${Math.round(test.milliseconds)} ms after its start`,
      );
    case 'not-seen':
      return problem(
        CHECK,
        `${test.program} (pid ${test.pid}) was not seen in ${test.source} within ${Math.round(test.milliseconds)} ms`,
        'see the problems above; if there are none, raw records show what arrives: set --audit_debug=true',
      );
    case 'failed':
      return problem(CHECK, test.why, "see the problems above; if there are none, see osqueryd's log");
  }
};

const leftovers = ({ notRestored }: Made): readonly CheckResult[] =>
  notRestored.map(text =>
    problem(
      RESTORED,
      `after the self-test ${text}`,
      'if nobody else has changed it in the meantime, put it back with auditctl, or restart the program that owns audit',
    ),
  );

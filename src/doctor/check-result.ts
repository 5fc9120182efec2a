export type CheckStatus = 'ok' | 'problem' | 'unknown';

/** One line of the report; `--json` prints it as it is. */
export interface CheckResult {
  /** What was checked: a flag with its dashes, or a short name. */
  readonly check: string;
  readonly status: CheckStatus;
  /** What was found, as one sentence without a full stop. */
  readonly found: string;
  /** What to do about it, as one sentence without a full stop; null exactly if the status is `ok`. */
  readonly fix: string | null;
}

export const ok = (check: string, found: string): CheckResult => ({ check, status: 'ok', found, fix: null });

export const problem = (check: string, found: string, fix: string): CheckResult => ({
  check,
  status: 'problem',
  found,
  fix,
});

/** It could not be determined; `fix` says how to. */
export const unknown = (check: string, found: string, fix: string): CheckResult => ({
  check,
  status: 'unknown',
  found,
  fix,
});

import type { AuditStatusRow } from '../../tables/audit_status.ts';
import { lossesSince } from './losses.ts';

/** Reports what was lost since its last report. */
export class LossReport {
  #told: AuditStatusRow;

  /** @param told the counters of the last report */
  constructor(told: AuditStatusRow = {}) {
    this.#told = told;
  }

  /** One sentence with the settings to raise; undefined if nothing was lost since the last one. */
  next(row: AuditStatusRow): string | undefined {
    const parts = lossesSince(this.#told, row).map(({ counters, what, raise }) => {
      const lost = counters.reduce((sum, each) => sum + each.lost, 0);
      return `${lost} ${what}${raise === undefined ? '' : ` (raise ${raise})`}`;
    });
    this.#told = row;
    return parts.length === 0 ? undefined : `lost since the last report: ${parts.join('; ')}`;
  }
}

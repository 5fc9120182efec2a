import type { Check } from '../facts.ts';
import { checkAuditControl } from './audit-control.ts';
import { checkAuditStatus } from './audit-status.ts';
import { checkAuditd } from './auditd.ts';
import { checkExtensionFile } from './extension-file.ts';
import { checkFlags } from './flags.ts';
import { checkHost } from './host.ts';
import { checkOsquery } from './osquery.ts';
import { checkOwnRules } from './own-rules.ts';
import { checkRecordedTables } from './recorded-tables.ts';
import { checkSchedule } from './schedule.ts';
import { checkSelfTest } from './self-test.ts';
import { checkSuppressingRules } from './suppressing-rules.ts';
import { checkUnauditedProcesses } from './unaudited-processes.ts';
import { checkWatchedFiles } from './watched-files.ts';

/** Every check. Checks that others depend on come first. */
export const allChecks: readonly Check[] = [
  checkHost,
  checkOsquery,
  checkFlags,
  checkRecordedTables,
  checkExtensionFile,
  checkAuditd,
  checkAuditStatus,
  checkSuppressingRules,
  checkOwnRules,
  checkUnauditedProcesses,
  checkWatchedFiles,
  checkAuditControl,
  checkSchedule,
  checkSelfTest,
];

import { auditStatus } from '../../tables/audit_status.ts';
import type { ExtensionUnderTest } from './extension-under-test.ts';

/** Numbers of audit_status as of at most a second ago. */
export const auditStatusOf = async (
  extension: ExtensionUnderTest,
): Promise<Readonly<Record<string, number>>> => {
  const [row] = await extension.rows(auditStatus);
  return Object.fromEntries(Object.entries(row ?? {}).map(([name, value]) => [name, Number(value)]));
};

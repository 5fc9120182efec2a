import { type CheckResult, ok, problem } from '../check-result.ts';
import type { Facts } from '../facts.ts';
import { effectiveFlag, flagfileName } from '../flag-view.ts';
import { readsTable, tableFlags } from '../our-tables.ts';
import { scheduledQueries } from '../scheduled-queries.ts';
import { osqueryIsHere } from './osquery.ts';

/** Whether events are recorded for every table that is queried. */
export const checkRecordedTables = (
  facts: Pick<Facts, 'flags' | 'core' | 'config' | 'security'>,
): readonly CheckResult[] => {
  if (!osqueryIsHere(facts)) return [];
  const schedule = scheduledQueries(facts);
  const queries = schedule.kind === 'known' ? schedule.queries : [];
  const values = tableFlags.map(([, flag]) => effectiveFlag(facts, flag));
  const nothing = values.every(value => value === 'false');
  return tableFlags.flatMap(([table, flag], index) => {
    const value = values[index];
    if (value === undefined) return [];
    const check = `--${flag}`;
    const fix = `put --${flag}=true into ${flagfileName(facts)} and restart osqueryd`;
    if (value === 'true') return [whyEmpty(table, flag, facts) ?? ok(check, `true: ${table} has events`)];
    const reader = queries.find(({ sql }) => readsTable(sql, table));
    if (reader !== undefined) {
      return [problem(check, `${value}: ${table} stays empty, and the query "${reader.name}" reads it`, fix)];
    }
    return [
      nothing && table === 'process_events'
        ? problem(check, `${value}, and the other tables are switched off too: nothing is recorded`, fix)
        : ok(check, `${value}: ${table} stays empty, and no scheduled query reads it`),
    ];
  });
};

const MODULES: Readonly<Record<string, readonly [module: string, name: string]>> = {
  selinux_events: ['selinux', 'SELinux'],
  apparmor_events: ['apparmor', 'AppArmor'],
};

/** Why a table of events that the kernel reports by itself stays empty; undefined if it may get rows. */
const whyEmpty = (
  table: string,
  flag: string,
  { security: { modules, loggedActions } }: Pick<Facts, 'security'>,
): CheckResult | undefined => {
  const check = `--${flag}`;
  const [module, name] = MODULES[table] ?? [];
  if (module !== undefined && modules !== undefined && !modules.includes(module))
    return ok(check, `true, at no cost: this kernel runs without ${name}, and ${table} stays empty`);
  if (table === 'seccomp_events' && loggedActions?.length === 0) {
    return problem(
      check,
      `true, but the kernel logs no action of seccomp filters: ${table} stays empty`,
      'sysctl -w kernel.seccomp.actions_logged="kill_process kill_thread trap errno trace log", or set the flag to false',
    );
  }
  return undefined;
};

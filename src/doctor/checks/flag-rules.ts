import { isAmongTables, prefixedName, registryTwin } from '../../../tables/table-name.ts';
import { isTableDisabled } from '../../flags/disabled-tables.ts';
import { listOf } from '../../flags/list-of.ts';
import { PROGRAM } from '../../runtime/program-name.ts';
import type { Facts } from '../facts.ts';
import { effectiveFlag } from '../flag-view.ts';
import { tablesThatAreOn } from '../our-tables.ts';

type FlagFacts = Pick<Facts, 'flags' | 'core' | 'config' | 'host'>;

/** The required value of one flag. */
export interface FlagRule {
  readonly name: string;
  isGood(value: string, facts: FlagFacts): boolean;
  /** The value to set instead. */
  wanted(facts: FlagFacts): string;
  /** The effect of a wrong value, as the end of a sentence. */
  readonly consequence: string;
}

const mustBe = (name: string, wanted: 'true' | 'false', consequence: string): FlagRule => ({
  name,
  isGood: value => value === wanted,
  wanted: () => wanted,
  consequence,
});

/** The value in osquery's own guide; fewer are a problem. */
const FEWEST_EVENTS = 1_000;
/** In seconds. 1 is special, and 0 means no limit. */
const SHORTEST_EXPIRY = 60;

/** Flags without which events do not arrive, or only some of them, or not in the daemon's results. */
export const flagRules: readonly FlagRule[] = [
  mustBe('disable_extensions', 'false', 'osquery loads no extension'),
  {
    name: 'extensions_require',
    isGood: value => listOf(value).includes(PROGRAM),
    wanted: facts => [...listOf(effectiveFlag(facts, 'extensions_require')), PROGRAM].join(','),
    consequence: 'osquery does not wait for it, and queries fail with "no such table" right after a start',
  },
  mustBe('disable_events', 'false', 'osquery warns about every query of an event table'),
  mustBe(
    'disable_audit',
    'true',
    'osquery takes the audit socket itself, and the extension can read only the multicast copy',
  ),
  {
    name: 'disable_tables',
    isGood: (value, facts) => {
      const options = new Map([
        ['disable_tables', value],
        ['enable_tables', effectiveFlag(facts, 'enable_tables') ?? ''],
      ]);
      return takenNames(facts).every(name => isTableDisabled(name, options));
    },
    wanted: facts =>
      [...new Set([...listOf(effectiveFlag(facts, 'disable_tables')), ...takenNames(facts)])].join(','),
    consequence: "these names lead to osquery's own tables, which stay empty",
  },
  {
    name: 'enable_tables',
    isGood: (value, facts) => value === '' || lackingTables(listOf(value), facts).length === 0,
    wanted: facts => {
      const enabled = listOf(effectiveFlag(facts, 'enable_tables'));
      return [...enabled, ...lackingTables(enabled, facts)].join(',');
    },
    consequence: 'only the tables in this list exist, and some that events need are missing',
  },
  mustBe('audit_allow_config', 'true', 'the extension may neither enable audit nor add its rules'),
  mustBe('audit_persist', 'true', 'the audit socket is lost for good when another process takes it'),
  mustBe('events_optimize', 'true', 'each run of a query returns all buffered events again'),
  {
    name: 'events_expiry',
    isGood: value => Number(value) <= 1 || Number(value) >= SHORTEST_EXPIRY,
    wanted: () => '86000',
    consequence: 'events may be dropped before a query reads them',
  },
  {
    name: 'events_max',
    isGood: value => Number(value) >= FEWEST_EVENTS,
    wanted: () => '50000',
    consequence: 'a busy second makes more events than the buffer keeps between two runs of a query',
  },
  mustBe(
    'enable_numeric_monitoring',
    'false',
    'osquery no longer says which query is running, so events_optimize has no effect',
  ),
];

/**
 * Our tables, and osquery's tables that the extension and the doctor query. Each with its possible names, the
 * recommended one first.
 */
const neededTables = (facts: FlagFacts): readonly (readonly string[])[] => [
  ...tablesThatAreOn(facts).map(name => [registryTwin(name), prefixedName(name)]),
  ['osquery_registry'],
  ['osquery_schedule'],
];

/** The needed tables that a list of enabled tables lacks. Its names are compared byte for byte. */
const lackingTables = (enabled: readonly string[], facts: FlagFacts): readonly string[] =>
  neededTables(facts)
    .filter(names => !names.some(name => enabled.includes(name)))
    .map(([name]) => name!);

/** Standard names of core's own tables; if no core can be asked, those of a stock one. */
const takenNames = (facts: FlagFacts): readonly string[] => {
  const { core } = facts;
  const wanted = tablesThatAreOn(facts);
  const tables = core.kind === 'running' ? core.tables : undefined;
  return tables === undefined
    ? wanted
    : wanted.filter(table =>
        isAmongTables(
          table,
          tables.filter(({ native }) => native).map(({ name }) => name),
        ),
      );
};

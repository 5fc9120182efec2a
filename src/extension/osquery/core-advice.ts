import { isAmongTables } from '../../../tables/table-name.ts';
import { isTableDisabled } from '../../flags/disabled-tables.ts';
import { listOf } from '../../flags/list-of.ts';

/** The core settings that can prevent events from being found. */
export interface CoreFacts {
  /** Core's options by name, as text. */
  readonly options: ReadonlyMap<string, string>;
  /** undefined if core does not tell. */
  readonly nativeTables: ReadonlySet<string> | undefined;
  /** Standard names of our event tables. */
  readonly standardNames: readonly string[];
  /** For each of our tables, its registered names; it can be queried if one of them is in SQL. */
  readonly registeredNames: readonly (readonly string[])[];
}

interface Advice {
  readonly because: string;
  /** A line for osquery.flags. */
  readonly line: string;
}

/** Core's own tables that we query: for taken names, and for the queries that read our tables. */
const ASKED = ['osquery_registry', 'osquery_schedule'];

/**
 * One sentence about everything in core's settings that hides events, with the lines for osquery.flags; undefined if
 * nothing does.
 */
export const adviseOnCore = (facts: CoreFacts): string | undefined => {
  const { options } = facts;
  const advice = adviseOnTables(facts);
  const isTrue = (name: string): boolean => options.get(name) === 'true';
  if (options.get('disable_audit') === 'false') {
    advice.push({
      because: 'osquery itself wants the audit socket, which only one process can have',
      line: '--disable_audit=true',
    });
  }
  if (isTrue('disable_events')) {
    advice.push({
      because: 'osquery warns about every query of an event table',
      line: '--disable_events=false',
    });
  }
  if (isTrue('enable_numeric_monitoring') && options.get('events_optimize') !== 'false') {
    advice.push({
      because:
        'osquery does not tell which scheduled query is running, so each gets all buffered rows every time',
      line: '--enable_numeric_monitoring=false',
    });
  }
  if (advice.length === 0) return undefined;
  return `${advice.map(({ because }) => because).join('; ')}: put into osquery.flags ${advice.map(({ line }) => line).join(' ')}`;
};

const adviseOnTables = ({ options, nativeTables, standardNames, registeredNames }: CoreFacts): Advice[] => {
  const advice: Advice[] = [];
  const disabled = listOf(options.get('disable_tables'));
  const enabled = listOf(options.get('enable_tables'));
  const isEnabled = (name: string): boolean => enabled.length === 0 || enabled.includes(name);
  const isDisabled = (name: string): boolean => disabled.includes(name);

  const hidden = standardNames.filter(
    name =>
      (nativeTables === undefined || isAmongTables(name, nativeTables)) && !isTableDisabled(name, options),
  );
  const needed = [...registeredNames, ...ASKED.map(name => [name])];
  const missed = needed.filter(names => names.every(isDisabled)).flat();
  const reasons: string[] = [];
  if (hidden.length > 0)
    reasons.push(
      `osquery's own empty ${hidden.join(', ')} answer${hidden.length === 1 ? 's' : ''} instead of ours`,
    );
  if (missed.length > 0) reasons.push(`--disable_tables hides ${missed.join(', ')}`);
  if (reasons.length > 0) {
    const line = [...disabled.filter(name => !missed.includes(name)), ...hidden].join(',');
    advice.push({ because: reasons.join('; '), line: `--disable_tables=${line}` });
  }
  const left = needed.filter(names => !names.some(isEnabled)).map(([name]) => name!);
  if (left.length > 0) {
    advice.push({
      because: `--enable_tables lacks ${left.join(', ')}`,
      line: `--enable_tables=${[...enabled, ...left].join(',')}`,
    });
  }
  return advice;
};

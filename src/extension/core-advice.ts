/** What of core's own settings keeps events from being found. */
export interface CoreFacts {
  /** Core's options by name, as text. */
  readonly options: ReadonlyMap<string, string>;
  readonly nativeTables: ReadonlySet<string>;
}

interface Advice {
  readonly because: string;
  /** A line of osquery.flags. */
  readonly line: string;
}

/**
 * One sentence on everything in core's settings that is in the way, with the lines that belong into osquery.flags;
 * undefined if nothing is.
 *
 * @param tables standard names of our tables
 */
export const adviseOnCore = (
  { options, nativeTables }: CoreFacts,
  tables: readonly string[],
): string | undefined => {
  const advice: Advice[] = [];
  const isTrue = (name: string): boolean => options.get(name) === 'true';

  const disabled = (options.get('disable_tables') ?? '')
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '');
  const hidden = tables.filter(name => nativeTables.has(name) && !disabled.includes(name));
  if (hidden.length > 0) {
    advice.push({
      because: `osquery's own empty ${hidden.join(', ')} answer${hidden.length === 1 ? 's' : ''} instead of ours`,
      line: `--disable_tables=${[...disabled, ...hidden].join(',')}`,
    });
  }
  if (options.get('disable_audit') === 'false') {
    advice.push({ because: 'osquery itself wants the audit socket', line: '--disable_audit=true' });
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
        'osquery does not say which scheduled query is running, so each gets all buffered rows every time',
      line: '--enable_numeric_monitoring=false',
    });
  }
  if (advice.length === 0) return undefined;
  return `${advice.map(({ because }) => because).join('; ')}: put into osquery.flags ${advice.map(({ line }) => line).join(' ')}`;
};

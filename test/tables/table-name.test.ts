import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isAmongTables, isSameTable, mentionsOf, registryTwin } from '../../tables/table-name.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,12}$/);

test('a twin is another name for the registry, and the same one for SQL', () => {
  fc.assert(
    fc.property(name, table => {
      expect(registryTwin(table)).not.toBe(table);
      expect(isSameTable(registryTwin(table), table)).toBe(true);
    }),
  );
  expect(registryTwin('process_events')).toBe('Process_events');
});

test('SQL mentions a name in any case, as a whole word', () => {
  const mentions = mentionsOf(['Process_events', 'audit_process_events']);
  for (const sql of [
    'SELECT * FROM process_events',
    'select 1 from "PROCESS_EVENTS"p',
    'select 1 from main.[Audit_Process_Events];',
  ]) {
    expect(mentions.test(sql), sql).toBe(true);
  }
  for (const sql of ['SELECT * FROM es_process_events', 'SELECT process_events2 FROM time', '']) {
    expect(mentions.test(sql), sql).toBe(false);
  }
});

test('what stands in a name is not a pattern', () => {
  expect(mentionsOf(['a.c']).test('select abc')).toBe(false);
  expect(isAmongTables('A', ['b', 'a'])).toBe(true);
  expect(isAmongTables('A', [])).toBe(false);
});

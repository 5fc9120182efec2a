import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isAmongTables, isSameTable, registryTwin } from '../../tables/table-name.ts';

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

test('names are compared without case', () => {
  expect(isAmongTables('A', ['b', 'a'])).toBe(true);
  expect(isAmongTables('A', [])).toBe(false);
});

import { mentionsOf } from 'osquery-extension-ts/events';
import { expect, test } from 'vitest';

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

test.each(['a.c', 'a+b', 'a-c', '(', '[x]', 'a|b', '\\d'])('what stands in %s is not a pattern', name => {
  const mentions = mentionsOf([name]);
  expect(mentions.test(`select ${name} from t`)).toBe(true);
  for (const sql of ['select abc', 'select aab', 'select 5', 'select a', 'x'])
    expect(mentions.test(sql)).toBe(false);
});

import { describe, expect, test } from 'vitest';
import { CoreOptions } from '../../src/core/core-options.ts';

const of = (values: Record<string, string>): CoreOptions => new CoreOptions(new Map(Object.entries(values)));

describe('CoreOptions', () => {
  test("lists every flag with type, default and value, as an osqueryd's options() does", () => {
    const list = of({ events_max: '7', custom_audit_mode: 'multicast' }).list();
    expect(list.get('events_max')).toEqual({ type: 'uint64', defaultValue: '50000', value: '7' });
    expect(list.get('disable_audit')).toEqual({ type: 'bool', defaultValue: 'true', value: 'true' });
    expect(list.get('custom_audit_mode')).toEqual({ type: 'string', defaultValue: '', value: 'multicast' });
  });

  test('reads values as gflags does', () => {
    expect(of({ verbose: '1' }).bool('verbose')).toBe(true);
    expect(of({ verbose: 'T' }).bool('verbose')).toBe(true);
    expect(of({ verbose: 'false' }).bool('verbose')).toBe(false);
    expect(of({ extensions_interval: 'x' }).number('extensions_interval')).toBe(3);
    expect(of({ extensions_interval: '1' }).number('extensions_interval')).toBe(1);
  });

  test.each<[Record<string, string>, boolean]>([
    [{}, false],
    [{ disable_tables: 'a, t' }, true],
    [{ disable_tables: 'a' }, false],
    [{ enable_tables: 'a' }, true],
    [{ enable_tables: 'a,t' }, false],
    [{ enable_tables: 't', disable_tables: 't' }, true],
  ])('%j disables table t: %s', (values, expected) => {
    expect(of(values).isTableDisabled('t')).toBe(expected);
  });
});

import { describe, expect, it } from 'vitest';
import { RepeatedRecords } from '../../src/ingest/repeated-records.ts';

const see = (records: RepeatedRecords, text: string, type = 1300): boolean => {
  const bytes = Buffer.from(`....${text}....`);
  return records.isRepeated(type, bytes, 4, bytes.length - 4);
};

describe('RepeatedRecords', () => {
  it('knows a record that stands behind its like', () => {
    const records = new RepeatedRecords(() => false);
    const texts = [
      'audit(1.000:7): a=1',
      'audit(1.000:7): a=1',
      'audit(1.000:7): a=2',
      'audit(1.000:7): a=1',
    ];
    expect(texts.map(text => see(records, text))).toEqual([false, true, false, false]);
  });

  it('knows it by its type too', () => {
    const records = new RepeatedRecords(() => false);
    expect([1300, 1302, 1302].map(type => see(records, 'audit(1.000:7): ', type))).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('knows one of an event that is finished', () => {
    const records = new RepeatedRecords(serial => serial <= 7);
    expect(see(records, 'audit(1.000:7): a=1')).toBe(true);
    expect(see(records, 'audit(1.000:8): a=1')).toBe(false);
  });

  it('takes none for it that cannot be read', () => {
    expect(see(new RepeatedRecords(() => true), 'audit(')).toBe(false);
  });
});

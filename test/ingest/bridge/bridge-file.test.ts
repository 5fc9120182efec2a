import { chmodSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BridgeFile, type BridgeRecord, readBridgeRecord } from '../../../src/ingest/bridge/bridge-file.ts';
import { temporaryDirectory } from '../../events/persistence/temporary-directory.ts';
import { makeFifo } from '../../make-fifo.ts';
import { openFilesIn } from '../../open-files.ts';

const RECORD: BridgeRecord = {
  owner: { pid: 4_510, startTicks: 190_733 },
  holder: { pid: 4_660, startTicks: 190_875 },
};

describe('the bridge file', () => {
  test('tells the next instance who holds the socket', () => {
    using directory = temporaryDirectory();
    const file = BridgeFile.lock(directory.path);
    expect(readBridgeRecord(directory.path)).toBeUndefined();
    file.write(RECORD);
    expect(readBridgeRecord(directory.path)).toEqual(RECORD);
    file.clear();
    expect(readBridgeRecord(directory.path)).toBeUndefined();
    expect(readFileSync(file.path)).toHaveLength(0);
  });

  test('has one owner at a time, and begins anew with each', () => {
    using directory = temporaryDirectory();
    writeFileSync(join(directory.path, 'bridge'), 'longer than what comes next '.repeat(10), { mode: 0o600 });
    const file = BridgeFile.lock(directory.path);
    file.write(RECORD);
    expect(() => BridgeFile.lock(directory.path)).toThrow('is locked by another process');
    expect(readBridgeRecord(directory.path)).toEqual(RECORD);
    file.clear();
    BridgeFile.lock(directory.path).clear();
  });

  test('that cannot be begun anew is not left open', () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'bridge');
    // A FIFO can be locked, but not cut.
    makeFifo(path);
    expect(() => BridgeFile.lock(directory.path)).toThrow(/EINVAL/);
    expect(openFilesIn(directory.path)).toEqual([]);
  });

  test('is not believed where others could have written it', () => {
    using directory = temporaryDirectory();
    const file = BridgeFile.lock(directory.path);
    file.write(RECORD);
    chmodSync(directory.path, 0o777);
    expect(readBridgeRecord(directory.path)).toBeUndefined();
    file.clear();
  });

  test('is never a link', () => {
    using directory = temporaryDirectory();
    const target = join(directory.path, 'elsewhere');
    writeFileSync(target, JSON.stringify(RECORD));
    symlinkSync(target, join(directory.path, 'bridge'));
    expect(readBridgeRecord(directory.path)).toBeUndefined();
    expect(() => BridgeFile.lock(directory.path)).toThrow(/ELOOP/);
    expect(JSON.parse(readFileSync(target, 'utf8'))).toEqual(RECORD);
  });

  test('with anything in it gives a record of two processes, or none', () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'bridge');
    const identity = fc.record({ pid: fc.oneof(fc.integer(), fc.anything()), startTicks: fc.integer() });
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.record({ owner: identity, holder: identity }).map(value => JSON.stringify(value)),
      fc.nat(200).map(end => JSON.stringify(RECORD).slice(0, end)),
    );
    fc.assert(
      fc.property(text, written => {
        writeFileSync(path, written, { mode: 0o600 });
        const record = readBridgeRecord(directory.path);
        if (record === undefined) return;
        for (const { pid, startTicks } of [record.owner, record.holder]) {
          expect(pid).toBeGreaterThan(0);
          expect(Number.isSafeInteger(pid) && Number.isSafeInteger(startTicks)).toBe(true);
        }
      }),
    );
  });

  test('is read no further than a record is long', () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'bridge');
    writeFileSync(path, JSON.stringify(RECORD).padEnd(5_000));
    expect(readBridgeRecord(directory.path)).toBeUndefined();
    expect(existsSync(path)).toBe(true);
  });
});

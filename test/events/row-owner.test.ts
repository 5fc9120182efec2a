import { describe, expect, it } from 'vitest';
import { storedColumns, storedNames } from '../../src/events/encoded-row.ts';
import { RowBatchWriter } from '../../src/events/row-batch-writer.ts';
import { ownerOf, ownersOf } from '../../src/events/row-owner.ts';
import { processEvents } from '../../tables/process_events.ts';
import { processTelemetryEvents } from '../../tables/process_telemetry_events.ts';

const UNSET = 4294967295;

describe('the owner of a row', () => {
  it('is who logged in, whoever he has become since', () => {
    expect(ownerOf(1000, 0)).toBe(1000);
    expect(ownerOf(0, 33)).toBe(0);
  });

  it('is the user where nobody logged in', () => {
    expect(ownerOf(UNSET, 33)).toBe(33);
    expect(ownerOf(undefined, 33)).toBe(33);
    expect(ownerOf(undefined, undefined)).toBe(0);
    expect(ownerOf(UNSET, undefined)).toBe(0);
  });

  it('is one for all ids of a user namespace', () => {
    expect(ownerOf(UNSET, 524_288)).toBe(524_288);
    expect(ownerOf(UNSET, 524_288 + 33)).toBe(524_288);
    expect(ownerOf(UNSET, 589_823)).toBe(524_288);
    expect(ownerOf(UNSET, 4_294_967_294)).toBe(4_294_901_760);
    // Those of a directory have logged in.
    expect(ownerOf(1_200_001_104, 1_200_001_104)).toBe(1_200_001_104);
  });

  it('stands in the rows that were kept, too', () => {
    const rows = [{ auid: 1000, uid: 0 }, { auid: UNSET, uid: 33 }, { uid: 200_000 }, {}];
    const { columns } = processEvents.spec;
    const writer = new RowBatchWriter(storedColumns(columns));
    for (const row of rows) writer.append({ ...row, path: '/bin/true' }, 0);
    expect([...ownersOf(writer.take()!, storedNames(columns))]).toEqual([1000, 33, 196_608, 0]);

    const telemetry = processTelemetryEvents.spec.columns;
    const telemetryWriter = new RowBatchWriter(storedColumns(telemetry));
    telemetryWriter.append({ user_uid: 33 }, 0);
    telemetryWriter.append({ login_user_uid: 1000, user_uid: 33 }, 0);
    expect([...ownersOf(telemetryWriter.take()!, storedNames(telemetry))]).toEqual([33, 1000]);
  });
});

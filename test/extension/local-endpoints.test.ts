import type { QueryContext } from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { EMPTY_CONTEXT } from 'osquery-extension-ts/protocol';
import { describe, expect, test } from 'vitest';
import { maskOf } from '../../src/events/encoded-row.ts';
import { EventBuffer } from '../../src/events/event-buffer.ts';
import { RowBatchWriter } from '../../src/events/row-batch-writer.ts';
import { LocalEndpoints } from '../../src/extension/local-endpoints.ts';
import { socketEvents } from '../../tables/socket_events.ts';

const names: readonly string[] = socketEvents.spec.columns.map(({ name }) => name);
const wanted = ['family', 'remote_address', 'remote_port', 'local_address', 'local_port', 'protocol'];
const context = (...columns: string[]): QueryContext => ({ ...EMPTY_CONTEXT, colsUsed: new Set(columns) });

const setUp = (rows: number) => {
  const writer = new RowBatchWriter(socketEvents.spec.columns);
  for (let i = 0; i < rows; i++) writer.append({ remote_port: 443, local_port: 0, time: 1 }, 1);
  const buffer = new EventBuffer(names, { rows: 1000, bytes: 1e9 });
  buffer.append(writer.take()!);
  const ends = new LocalEndpoints(buffer);
  const select = (...columns: readonly string[]) => {
    const asked = columns.length === 0 ? wanted : columns;
    return decodeRows(
      buffer.select(buffer.range, maskOf(asked.map(name => names.indexOf(name))), {
        lateColumns: ends.lateColumnsOf(context(...asked)),
      }),
    );
  };
  return { ends, select };
};

describe('what was looked up of sockets', () => {
  test('is waited for while it may come, by queries that use it', async () => {
    const { ends } = setUp(1);
    expect(ends.completed(context('local_port'), true)).toBeUndefined();
    ends.noteRows();
    expect(ends.completed(context('pid', 'action'), true)).toBeUndefined();
    expect(ends.completed(context('local_port'), false)).toBeUndefined();
    expect(ends.completed(context('container_id'), false)).toBeInstanceOf(Promise);
    await ends.completed(context('local_port'), true);
    // A timer may fire a moment early.
    await expect.poll(() => ends.completed(context('local_port'), true)).toBeUndefined();
  });

  test('is in the rows once it is known, and until then the rows are as they were made', () => {
    const { ends, select } = setUp(3);
    const bare = { remote_port: '443', local_port: '0' };
    expect(select()).toEqual([bare, bare, bare]);
    const connect = { eid: 1, family: undefined, protocol: 6, localAddress: '10.0.0.2', localPort: 50_000 };
    ends.add([
      { ...connect, remoteAddress: undefined, remotePort: undefined },
      { ...connect, eid: 3, family: 2, remoteAddress: '10.0.0.9', remotePort: 40_000 },
    ]);
    const local = { local_address: '10.0.0.2', local_port: '50000', protocol: '6' };
    expect(select()).toEqual([
      { remote_port: '443', ...local },
      bare,
      { family: '2', remote_address: '10.0.0.9', remote_port: '40000', ...local },
    ]);
  });

  test('has the container of the process beside the ends, whichever is known first', () => {
    const { ends, select } = setUp(2);
    const container = ['ab', 'docker', 'web', undefined, undefined, undefined, undefined, undefined];
    const found = { family: undefined, protocol: 6, localAddress: '10.0.0.2', localPort: 50_000 };
    ends.add([{ ...found, eid: 1, remoteAddress: undefined, remotePort: undefined }]);
    for (const eid of [1, 2]) ends.addContainer(eid, container);
    ends.add([{ ...found, eid: 2, remoteAddress: undefined, remotePort: undefined }]);
    const row = { container_id: 'ab', container_name: 'web', local_port: '50000', protocol: '6' };
    expect(select('container_id', 'container_name', 'local_port', 'protocol')).toEqual([row, row]);
    expect(LocalEndpoints.asksForContainers(context('pid', 'container_name'))).toBe(true);
    expect(LocalEndpoints.asksForContainers(context('pid', 'local_port'))).toBe(false);
  });

  test('costs nothing where no query asks for it', () => {
    const { ends } = setUp(1);
    expect(ends.lateColumnsOf(context('pid', 'action'))).toBeUndefined();
    expect(ends.lateColumnsOf(context('local_port'))).toBeDefined();
    expect(ends.lateColumnsOf({ ...EMPTY_CONTEXT, colsUsed: undefined })).toBeDefined();
  });
});

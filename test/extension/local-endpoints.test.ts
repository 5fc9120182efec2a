import type { QueryContext } from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { EMPTY_CONTEXT } from 'osquery-extension-ts/protocol';
import { describe, expect, test } from 'vitest';
import { maskOf } from '../../src/events/encoded-row.ts';
import { EventBuffer } from '../../src/events/event-buffer.ts';
import { RowBatchWriter } from '../../src/events/row-batch-writer.ts';
import { LocalEndpoints } from '../../src/extension/local-endpoints.ts';
import { ConnectedBatchWriter } from '../../src/ingest/connected-batch.ts';
import type { ConnectedSocket } from '../../src/model/sockets/connected-socket.ts';
import { BUSY, type LocalEnd } from '../../src/model/sockets/socket-lookup.ts';
import { socketEvents } from '../../tables/socket_events.ts';

const names: readonly string[] = socketEvents.spec.columns.map(({ name }) => name);
const wanted = ['remote_port', 'local_address', 'local_port', 'protocol'];
const context = (...columns: string[]): QueryContext => ({ ...EMPTY_CONTEXT, colsUsed: new Set(columns) });

/** Descriptors of sockets that the lookup does not take. */
const GONE = 0;
const TOO_MUCH = 1;

const setUp = (rows: number) => {
  const writer = new RowBatchWriter(socketEvents.spec.columns);
  for (let i = 0; i < rows; i++) writer.append({ remote_port: 443, local_port: 0, time: 1 }, 1);
  const buffer = new EventBuffer(names, { rows: 1000, bytes: 1e9 });
  buffer.append(writer.take()!);
  const asked: ConnectedSocket[] = [];
  const passedOver: number[] = [];
  const answers: ((end: LocalEnd | undefined) => void)[] = [];
  const ends = new LocalEndpoints(
    {
      counters: { found: 1, gone: 2, refused: 3, failed: 4 },
      passOver: connects => passedOver.push(connects),
      find(socket) {
        asked.push(socket);
        if (socket.fd === GONE) return undefined;
        if (socket.fd === TOO_MUCH) return BUSY;
        return new Promise(resolve => answers.push(resolve));
      },
      close() {},
    },
    buffer,
  );
  const offer = (...fds: number[]): void => {
    const batch = new ConnectedBatchWriter(100);
    fds.forEach((fd, i) => {
      batch.append(i + 1, { pid: 100, fd, family: 2, remotePort: 443 });
    });
    ends.offer(batch.take()!, { refused: 7, replaced: batch.replaced });
  };
  const select = () =>
    decodeRows(
      buffer.select(
        buffer.range,
        maskOf(wanted.map(name => names.indexOf(name))),
        undefined,
        false,
        ends.extrasFor(context(...wanted)),
      ),
    );
  return { ends, asked, passedOver, answers, offer, select };
};

describe('the local ends of connections', () => {
  test('are in the rows once they are known, and until then the rows are as they were made', async () => {
    const { asked, answers, offer, select, ends } = setUp(3);
    offer(3, GONE, 4);
    expect(asked.map(({ fd }) => fd)).toEqual([3, 0, 4]);
    const bare = { remote_port: '443', local_port: '0' };
    expect(select()).toEqual([bare, bare, bare]);
    answers[1]!(undefined);
    answers[0]!({ local: { address: '10.0.0.2', port: 50_000 }, protocol: 6 });
    await Promise.resolve();
    expect(select()).toEqual([
      { remote_port: '443', local_address: '10.0.0.2', local_port: '50000', protocol: '6' },
      bare,
      bare,
    ]);
    expect(ends.counters).toEqual({ found: 1, gone: 2, refused: 10, failed: 4 });
  });

  test('are not asked for any more where there is too much to do', () => {
    const { asked, offer, ends } = setUp(4);
    offer(3, TOO_MUCH, 4, 5);
    expect(asked.map(({ fd }) => fd)).toEqual([3, TOO_MUCH]);
    // The lookup's own three, the worker's seven, and the two behind the one that the lookup counted.
    expect(ends.counters.refused).toBe(12);
    offer(6);
    expect(asked.at(-1)).toMatchObject({ fd: 6 });
  });

  test('are not those of a descriptor that was connected once more meanwhile: which socket it was is not known', () => {
    const { asked, passedOver, offer, ends, answers } = setUp(3);
    offer(3, 4, 3);
    expect(asked.map(({ fd }) => fd)).toEqual([3, 4]);
    expect(passedOver).toEqual([1]);
    expect(ends.counters).toEqual({ found: 1, gone: 3, refused: 10, failed: 4 });
    expect(answers).toHaveLength(2);
  });

  test('cost nothing where no query asks for them', () => {
    const { ends } = setUp(1);
    expect(ends.extrasFor(context('pid', 'remote_address'))).toBeUndefined();
    expect(ends.extrasFor(context('local_port'))).toBeDefined();
    expect(ends.extrasFor({ ...EMPTY_CONTEXT, colsUsed: undefined })).toBeDefined();
  });
});

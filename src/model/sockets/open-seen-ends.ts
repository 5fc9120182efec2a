import type { LoadedSet } from '../../bpf/loader.ts';
import { lossCounter, ringMemory } from '../../bpf/mapped-memory.ts';
import { makeOwnConnection } from '../../bpf/own-connection.ts';
import { type OnRecord, RingReader } from '../../bpf/ring-reader.ts';
import { readSocketRecord, type SocketRecord } from '../../bpf/socket-record.ts';
import { messageOf } from '../../runtime/message-of.ts';
import { type OwnConnection, SeenEnds } from './seen-ends.ts';

const LOOPBACK = Buffer.from([127, 0, 0, 1]);

/**
 * Reads what the programs tell about sockets, after a test: they must tell of a connection that this process makes,
 * with its very ends.
 *
 * @param onRecord gets every record, too
 * @returns why they are not used, as part of a sentence, if they do not
 */
export const openSeenEnds = (set: LoadedSet, onRecord?: OnRecord): SeenEnds | string => {
  try {
    const reader = new RingReader(ringMemory(set));
    const made = makeOwnConnection();
    const told: SocketRecord[] = [];
    reader.drain((bytes, at, length) => {
      const record = readSocketRecord(bytes, at, length);
      if (record?.remotePort === made.remotePort && record.kind.startsWith('connect')) told.push(record);
    });
    const [record] = told.filter(each => each.localPort === made.localPort);
    if (
      record === undefined ||
      told.length > 1 ||
      !record.local.equals(LOOPBACK) ||
      !record.remote.equals(LOOPBACK)
    ) {
      return `the programs tell ${describe(told)} of a connection from 127.0.0.1:${made.localPort} to 127.0.0.1:${made.remotePort}`;
    }
    const own: OwnConnection = { pid: record.tgid, ...made, madeMs: Date.now() };
    return new SeenEnds({
      drain: onRecord => reader.drain(onRecord),
      losses: lossCounter(set),
      wallMs: () => Date.now(),
      monotonicMs: () => performance.now(),
      own,
      onRecord,
    });
  } catch (error) {
    return messageOf(error);
  }
};

const describe = (told: readonly SocketRecord[]): string =>
  told.length === 0
    ? 'nothing'
    : told
        .map(
          ({ local, localPort, remote, remotePort }) =>
            `${local.join('.')}:${localPort} to ${remote.join('.')}:${remotePort}`,
        )
        .join(', ');

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { legacyControllerOfHost } from '../../bpf/cgroup-controller.ts';
import type { LoadedSet } from '../../bpf/loader.ts';
import { lossCounter, ringMemory } from '../../bpf/mapped-memory.ts';
import { parseProcessRecord } from '../../bpf/process-records.ts';
import { RingReader } from '../../bpf/ring-reader.ts';
import { messageOf } from '../../runtime/message-of.ts';
import { BpfProcessConnector, CgroupPaths } from './bpf-process-connector.ts';
import type { ProcessConnector } from './process-connector.ts';

/** Opens a connector that reads the programs. The former one, which reads no more, must not be used any longer. */
export type ConnectPrograms = () => ProcessConnector;

/** Nobody has this: the child ends before it executes anything, so it makes no event. */
const MISSING_PROGRAM = '/proc/self/no-program';

/**
 * Reads what the programs tell about processes, after a test: they must tell of a child of this process, which begins and ends.
 * (Each exec is compared with audit's record of it.)
 *
 * @returns why they are not used, as part of a sentence, if they do not
 */
export const openProcessPrograms = async (set: LoadedSet): Promise<ConnectPrograms | string> => {
  try {
    const reader = new RingReader(ringMemory(set));
    const paths = new CgroupPaths(legacyControllerOfHost());
    const ring = { drain: reader.drain.bind(reader), lost: lossCounter(set) };
    const why = await whyNotExact(ring, paths);
    return why ?? (() => new BpfProcessConnector(ring, paths, monotonicMs()));
  } catch (error) {
    return messageOf(error);
  }
};

const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

const whyNotExact = async (
  ring: Pick<RingReader, 'drain'>,
  paths: CgroupPaths,
): Promise<string | undefined> => {
  const child = spawn(MISSING_PROGRAM, { stdio: 'ignore', env: {} });
  await once(child, 'error');
  const children = new Set<number>();
  let ended = 0;
  ring.drain((bytes, at, length) => {
    const record = parseProcessRecord(bytes, at, at + length);
    if (record?.kind === 'cgroup') paths.add(record.id, record.path);
    else if (record?.kind === 'fork' && record.parent === process.pid) children.add(record.pid);
    else if (record?.kind === 'exit' && children.has(record.pid)) ended++;
  });
  return ended > 0
    ? undefined
    : `the programs tell of ${children.size} children of pid ${process.pid}, of which ${ended} ended, although one did`;
};

import type { StreamMode } from '../audit/control/session.ts';
import type { StreamCounters } from '../audit/stream.ts';
import type { TableBatch } from '../events/event-publisher.ts';
import type { AuditSettings } from '../flags/audit-settings.ts';
import type { FoundEnds } from '../model/sockets/found-ends.ts';
import type { SeenEndsCounters } from '../model/sockets/seen-ends.ts';
import type { SocketEndsCounters } from '../model/sockets/socket-ends.ts';
import type { PipelineCounters, PipelineProgress } from './event-pipeline.ts';
import type { ImageLooksCounters } from './image-looks.ts';
import type { ProcessBatch } from './process-batch.ts';
import type { ReplayProgress } from './replay/read-logs.ts';
import type { ReplayTimes } from './replay/replay-times.ts';
import type { WitnessPrograms } from './witness-programs.ts';

/** The worker's source of events. */
export type IngestSource =
  | {
      readonly kind: 'kernel';
      readonly mode: StreamMode;
      readonly receiveBuffer: number;
      /** Descriptor of a previous instance's socket, to be read to its end and closed. */
      readonly inheritedFd: number | undefined;
    }
  /** The audit pipe of macOS. `platform` differs from this one's if another file stands in for it. */
  | { readonly kind: 'auditpipe'; readonly path: string; readonly platform: NodeJS.Platform }
  | { readonly kind: 'replay'; readonly paths: readonly string[]; readonly times: ReplayTimes | undefined };

/** Where a previous process with the same task stopped. */
export interface IngestStart {
  /** Number of the next row by table name; 1 if absent. */
  readonly nextEids?: ReadonlyMap<string, number> | undefined;
  /** The last serial that it took, if none was missed on purpose since. */
  readonly lastSerial?: number | undefined;
  /** BPF programs, if they are loaded already. */
  readonly programs?: WitnessPrograms | undefined;
}

export interface IngestWorkerData {
  readonly start: IngestStart;
  readonly source: IngestSource;
  readonly settings: AuditSettings;
  /** Memory of the wake signal, by which the main thread asks for the rows at hand. */
  readonly wakeSignal: SharedArrayBuffer;
  /** An eventfd that belongs to it, if there is one. */
  readonly wakeDescriptor: number | undefined;
  /** Memory of the counters of sent and taken bytes. */
  readonly outbox: SharedArrayBuffer;
  /** Whether to send the process events besides the rows. */
  readonly processes: boolean;
  /** Whether to look up what audit does not record about sockets. */
  readonly ends: boolean;
}

/** Messages of the main thread. */
export type IngestCommand =
  | { readonly kind: 'settings'; readonly settings: AuditSettings }
  /** Ask the kernel for the unicast stream; `claimed` answers. */
  | { readonly kind: 'claim' }
  /** Read the multicast copy; with `release` also give up the unicast stream. */
  | { readonly kind: 'share'; readonly release: boolean }
  /** Descriptor of the connection with a process that looks at files; undefined while there is none. */
  | { readonly kind: 'looker'; readonly fd: number | undefined }
  /** BPF programs that tell about sockets; undefined: from now on there are none. */
  | { readonly kind: 'programs'; readonly programs: WitnessPrograms }
  /** From now on send the process events too. */
  | { readonly kind: 'processes' }
  /** The main thread has taken a message of a replay. */
  | { readonly kind: 'taken' }
  /** Take what is still waiting, then end. With `leave` it stays for another process that has the socket. */
  | { readonly kind: 'stop'; readonly leave: boolean };

export interface IngestCounters {
  readonly pipeline: PipelineCounters;
  readonly stream: StreamCounters;
  /** undefined if no files are looked at. */
  readonly looks: ImageLooksCounters | undefined;
  /** undefined if sockets are not looked up. */
  readonly ends: SocketEndsCounters | undefined;
  /** undefined if no BPF programs tell about sockets. */
  readonly seen: SeenEndsCounters | undefined;
  /** Events of processes that audit cannot see, and records of them that were lost or could not be read. */
  readonly unaudited:
    | { readonly events: number; readonly malformed: number; readonly lost: number }
    | undefined;
  /** Lines or records of replayed files that cannot be read. */
  readonly malformedInput: number;
}

export interface IngestEvents {
  readonly kind: 'events';
  /** The bytes by which it counts in the outbox. */
  readonly bytes: number;
  /** Their rows. */
  readonly batches: readonly TableBatch[];
  /** If they were asked for. */
  readonly processes: ProcessBatch | undefined;
  /** The processes of socket rows, if process events were requested; see SocketProcesses. */
  readonly sockets: SocketProcesses | undefined;
  /** What was found about sockets whose rows are in this message, or in an earlier one. */
  readonly ends: readonly FoundEnds[];
  readonly progress: PipelineProgress | undefined;
}

/** Three numbers for each row of socket_events: its number, the pid, and its time in milliseconds since the epoch. */
export type SocketProcesses = Float64Array<ArrayBuffer>;

/** Messages of the worker. */
export type IngestReport =
  /** The stream is open and, in unicast mode, ours. `fd` is its socket if the kernel is read. */
  | { readonly kind: 'ready'; readonly fd?: number }
  | IngestEvents
  | {
      readonly kind: 'counters';
      readonly counters: IngestCounters;
      readonly progress: PipelineProgress | undefined;
    }
  /** All records that the kernel had delivered at the `signal`th wake signal are reported. */
  | { readonly kind: 'up-to-date'; readonly signal: number }
  /** Raw records, one per line, for audit_debug. */
  | { readonly kind: 'raw'; readonly text: string }
  | { readonly kind: 'warning'; readonly message: string }
  /** The kernel's answer to `claim`: 0, or a positive errno. */
  | { readonly kind: 'claimed'; readonly errno: number }
  /** Whether the process that looks at files has stopped answering. */
  | { readonly kind: 'looker-stuck'; readonly isStuck: boolean }
  /** The BPF programs do not tell what they should, and are not used. */
  | { readonly kind: 'programs-rejected'; readonly why: string }
  /** The multicast copy is read. */
  | { readonly kind: 'shared' }
  /** Some program, perhaps this one, has changed the rules or the status of audit. */
  | { readonly kind: 'config-changed' }
  /** Another process has asked the kernel for the stream that is ours. */
  | { readonly kind: 'wanted'; readonly pid: number }
  /** Progress of a replay, and the number of events so far. */
  | { readonly kind: 'progress'; readonly replay: ReplayProgress; readonly events: number }
  /** Every file has been read. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

/** The memory of the events in a message, to be transferred. */
export const buffersOf = ({ batches, processes, sockets }: IngestEvents): ArrayBuffer[] => {
  const buffers = batches.flatMap(({ batch }) =>
    [batch.bytes, batch.ends, batch.times, batch.masks, batch.owners].map(part => part.buffer as ArrayBuffer),
  );
  if (processes !== undefined) buffers.push(processes.numbers.buffer);
  if (sockets !== undefined) buffers.push(sockets.buffer);
  return buffers;
};

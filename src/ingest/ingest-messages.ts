import type { StreamMode } from '../audit/control/session.ts';
import type { StreamCounters } from '../audit/stream.ts';
import type { TableBatch } from '../events/event-publisher.ts';
import type { AuditSettings } from '../flags/audit-settings.ts';
import type { FoundEnds, SocketEndsCounters } from '../model/sockets/socket-ends.ts';
import type { PipelineCounters, PipelineProgress } from './event-pipeline.ts';
import type { ImageLooksCounters } from './image-looks.ts';
import type { ProcessBatch } from './process-batch.ts';
import type { ReplayProgress } from './replay/read-logs.ts';
import type { ReplayTimes } from './replay/replay-times.ts';

/** Where the worker takes its events from. */
export type IngestSource =
  | {
      readonly kind: 'kernel';
      readonly mode: StreamMode;
      readonly receiveBuffer: number;
      /** Descriptor of the socket of an instance before, to be read to its end and closed. */
      readonly inheritedFd: number | undefined;
    }
  /** The audit pipe of macOS; `platform` is not this one's where another file stands in for it. */
  | { readonly kind: 'auditpipe'; readonly path: string; readonly platform: NodeJS.Platform }
  | { readonly kind: 'replay'; readonly paths: readonly string[]; readonly times: ReplayTimes | undefined };

/** Where another process stopped that did the same before this one. */
export interface IngestStart {
  /** Number of the next row by table name; 1 where absent. */
  readonly nextEids?: ReadonlyMap<string, number> | undefined;
  /** The last serial that it has taken, if none was missed on purpose since. */
  readonly lastSerial?: number | undefined;
}

export interface IngestWorkerData {
  readonly start: IngestStart;
  readonly source: IngestSource;
  readonly settings: AuditSettings;
  /** Memory of the bell that calls for what is at hand. */
  readonly bell: SharedArrayBuffer;
  /** An eventfd that goes with it, where there is one. */
  readonly bellDescriptor: number | undefined;
  /** Memory of the count of what was sent and taken. */
  readonly outbox: SharedArrayBuffer;
  /** Whether to send the process events besides the rows. */
  readonly processes: boolean;
  /** Whether to look up what audit does not record of sockets. */
  readonly ends: boolean;
}

/** What the main thread says. */
export type IngestCommand =
  | { readonly kind: 'settings'; readonly settings: AuditSettings }
  /** Ask the kernel for the unicast stream; `claimed` answers. */
  | { readonly kind: 'claim' }
  /** Read the multicast copy; with `release` the unicast stream is given up. */
  | { readonly kind: 'share'; readonly release: boolean }
  /** Descriptor of the connection with a process that looks at files; undefined while there is none. */
  | { readonly kind: 'looker'; readonly fd: number | undefined }
  /** From now on send the process events too. */
  | { readonly kind: 'processes' }
  /** What a replay has sent was taken. */
  | { readonly kind: 'taken' }
  /** Take what is still waiting, then end; with `leave` what is waiting stays for another process that has the socket. */
  | { readonly kind: 'stop'; readonly leave: boolean };

export interface IngestCounters {
  readonly pipeline: PipelineCounters;
  readonly stream: StreamCounters;
  /** undefined where no files are looked at. */
  readonly looks: ImageLooksCounters | undefined;
  /** undefined where sockets are not looked up. */
  readonly ends: SocketEndsCounters | undefined;
  /** Lines or records of replayed files that cannot be read. */
  readonly malformedInput: number;
}

export interface IngestEvents {
  readonly kind: 'events';
  /** Bytes that it counts with in the outbox. */
  readonly bytes: number;
  /** Their rows. */
  readonly batches: readonly TableBatch[];
  /** If they were asked for. */
  readonly processes: ProcessBatch | undefined;
  /** Whose the sockets are that have rows, if process events were asked for; see SocketProcesses. */
  readonly sockets: SocketProcesses | undefined;
  /** What was found of sockets whose rows are these, or ones before. */
  readonly ends: readonly FoundEnds[];
  readonly progress: PipelineProgress | undefined;
}

/** By row of socket_events three numbers: its number, the pid, and when it was, in milliseconds since the epoch. */
export type SocketProcesses = Float64Array<ArrayBuffer>;

/** What the worker says. */
export type IngestReport =
  /** The stream is open and, in unicast mode, ours. `fd` is its socket where the kernel is read. */
  | { readonly kind: 'ready'; readonly fd?: number }
  | IngestEvents
  | {
      readonly kind: 'counters';
      readonly counters: IngestCounters;
      readonly progress: PipelineProgress | undefined;
    }
  /** All that the kernel had handed over when the bell was rung for the `ring`th time has been reported. */
  | { readonly kind: 'up-to-date'; readonly ring: number }
  /** Raw records, one per line, for audit_debug. */
  | { readonly kind: 'raw'; readonly text: string }
  | { readonly kind: 'warning'; readonly message: string }
  /** What the kernel said to `claim`: 0, or a positive errno. */
  | { readonly kind: 'claimed'; readonly errno: number }
  /** Whether the process that looks at files does not answer. */
  | { readonly kind: 'looker-stuck'; readonly isStuck: boolean }
  /** The multicast copy is read. */
  | { readonly kind: 'shared' }
  /** Somebody, perhaps this program, has changed the rules or the status of audit. */
  | { readonly kind: 'config-changed' }
  /** A process has asked the kernel for the stream that is ours. */
  | { readonly kind: 'wanted'; readonly pid: number }
  /** How far a replay is, and the events that it made so far. */
  | { readonly kind: 'progress'; readonly replay: ReplayProgress; readonly events: number }
  /** Every file has been read. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

/** The memory that comes with events, by transfer. */
export const buffersOf = ({ batches, processes, sockets }: IngestEvents): ArrayBuffer[] => {
  const buffers = batches.flatMap(({ batch }) =>
    [batch.bytes, batch.ends, batch.times, batch.masks, batch.owners].map(part => part.buffer as ArrayBuffer),
  );
  if (processes !== undefined) buffers.push(processes.numbers.buffer);
  if (sockets !== undefined) buffers.push(sockets.buffer);
  return buffers;
};

import { uptime } from 'node:os';
import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { eventTables } from '../../tables/index.ts';
import type { ProcessEvent } from '../audit/audit-event.ts';
import type { StreamCounters } from '../audit/stream.ts';
import type { ImageTimes } from '../events/event-table.ts';
import type { FileVersion } from '../model/hash/file-version.ts';
import { openSeenEnds } from '../model/sockets/open-seen-ends.ts';
import { openSocketEnds } from '../model/sockets/open-socket-ends.ts';
import { readAuditPipe } from '../openbsm/audit-pipe.ts';
import { formatProblem } from '../openbsm/counters.ts';
import { OpenBsmError } from '../openbsm/errors.ts';
import { RecordMapper } from '../openbsm/map-record.ts';
import { printRecord } from '../openbsm/praudit.ts';
import { messageOf } from '../runtime/message-of.ts';
import { dataOfWorker } from '../runtime/start-worker.ts';
import { EventPipeline } from './event-pipeline.ts';
import { ImageFiles } from './image-files.ts';
import { ImageLooks } from './image-looks.ts';
import {
  buffersOf,
  type IngestCommand,
  type IngestEvents,
  type IngestReport,
  type IngestSource,
  type IngestWorkerData,
} from './ingest-messages.ts';
import { KernelReader } from './kernel-reader.ts';
import { openDirectory } from './open-directory.ts';
import { OUTBOX_BYTES, Outbox } from './outbox.ts';
import { ProcessBatchWriter } from './process-batch.ts';
import { publishTrail } from './publish-trail.ts';
import { replayInto } from './replay-into.ts';
import { socketChannel } from './socket-channel.ts';
import { procfsTargets } from './target-paths.ts';
import { kindOfTask } from './task-kind.ts';
import { UnauditedWitness } from './unaudited-witness.ts';
import { unknownCallWarning } from './unknown-call.ts';
import { WakeSignal } from './wake-signal.ts';
import type { WitnessPrograms } from './witness-programs.ts';

/**
 * The worker thread between the kernel and the buffers. It waits only for records, so that neither a SELECT nor a
 * slow reader can make the kernel's queue overflow. While it reads the kernel, its event loop stands still: see
 * receiveLoop.
 */

const COUNTERS_MS = 1_000;
/** Milliseconds between two progress reports of a replay. */
const PROGRESS_MS = 200;
const { source, settings: initialSettings, ...initial } = dataOfWorker() as IngestWorkerData;
const report = (message: IngestReport, transfer: ArrayBuffer[] = []): void =>
  parentPort!.postMessage(message, transfer);

const isKernel = source.kind === 'kernel';
const isLive = source.kind !== 'replay';
let debug = initialSettings.debug;
const stop = new AbortController();
let leaves = false;
let malformedInput = 0;

/**
 * On Linux this thread never touches a path itself. On macOS it may: only root can mount file systems that do not
 * answer.
 */
const looks = isKernel
  ? new ImageLooks({
      now: () => performance.now(),
      onStuck: () => report({ kind: 'looker-stuck', isStuck: true }),
      onAnswer: () => report({ kind: 'looker-stuck', isStuck: false }),
    })
  : undefined;
/** What was found about the event whose row is being made. */
let lookedAt: (LookedAt & { readonly event: ProcessEvent }) | undefined;
const lookAt = (event: ProcessEvent): LookedAt => {
  const found = looks?.resultOf(event) ?? {
    // The pid of a recorded event may belong to another process by now.
    times: isLive ? images.times(event) : images.timesHere(event),
    version: images.versionOf(event),
  };
  lookedAt = { ...found, event };
  return found;
};
/** Looks at sockets. What it reads never blocks. */
const ends = isKernel && initial.ends ? openSocketEnds() : undefined;
/** Tells about processes that audit cannot see. */
const unaudited = isKernel ? new UnauditedWitness(event => pipeline.publish(event)) : undefined;
/** From now on lets BPF programs tell about sockets, if they do it right, and about processes that audit cannot see. */
const usePrograms = (programs: WitnessPrograms): void => {
  unaudited?.useExecs(programs.unauditedExecs);
  if (ends === undefined) return;
  const seen = programs.sockets && openSeenEnds(programs.sockets, unaudited?.takeSocket);
  if (typeof seen === 'string') report({ kind: 'programs-rejected', why: seen });
  ends.useSeen(typeof seen === 'string' ? undefined : seen);
};
const outbox = new Outbox(OUTBOX_BYTES, initial.outbox);

const pipeline = new EventPipeline({
  tables: eventTables,
  settings: initialSettings,
  context: {
    uptimeAt: seconds => (isLive ? Math.max(0, Math.floor(seconds - bootTime)) : undefined),
    // For a recorded event, the files of that time no longer exist.
    imageTimes: event => (isLive ? lookAt(event).times : undefined),
  },
  targets: isKernel ? procfsTargets : undefined,
  openDirectory: isKernel ? openDirectory : undefined,
  kindOfTask: isKernel ? kindOfTask : () => 'gone',
  now: () => performance.now(),
  countGaps: isKernel,
  ...initial.start,
  looks,
  completeSockets: ends && ((events, gaps) => ends.complete(events, gaps)),
  familyOfAccept: ends && (event => ends.familyOfAccept(event)),
  onProcess: (event, eid) => {
    const looked = lookedAt?.event === event ? lookedAt : undefined;
    lookedAt = undefined;
    if (sendsProcesses) processes.append(event, eid, (looked ?? lookAt(event)).version);
  },
  onSocket: (event, eid) => {
    ends?.see(event, eid);
    if (sendsProcesses && isKernel) sockets.push(eid, event.pid, event.seconds * 1000 + event.milliseconds);
  },
});
if (initial.start.programs !== undefined) usePrograms(initial.start.programs);
let sendsProcesses = initial.processes;
const processes = new ProcessBatchWriter();
let sockets: number[] = [];
const images = new ImageFiles();
/** Milliseconds between two readings of the clock, which may be changed: the system's uptime is read from a file. */
const CLOCK_MS = 1_000;
/** Seconds since the epoch. */
let bootTime = 0;
let clockAt = Number.NEGATIVE_INFINITY;
const lookAtClock = (): void => {
  const now = performance.now();
  if (now - clockAt < CLOCK_MS) return;
  clockAt = now;
  bootTime = Date.now() / 1000 - uptime();
};

interface LookedAt {
  readonly times: ImageTimes | undefined;
  readonly version: Pick<FileVersion, 'key' | 'ctimeMs'> | undefined;
}

/** How to change between the unicast stream and the multicast copy, while the kernel is read. */
let handover: { claim(): void; share(release: boolean): void } | undefined;

const handleCommand = (command: IngestCommand): void => {
  switch (command.kind) {
    case 'stop':
      leaves = command.leave;
      stop.abort();
      break;
    case 'programs':
      usePrograms(command.programs);
      break;
    case 'processes':
      sendsProcesses = true;
      break;
    case 'taken':
      untaken--;
      onTaken?.();
      break;
    case 'claim':
      handover?.claim();
      break;
    case 'share':
      handover?.share(command.release);
      break;
    case 'looker':
      looks?.attach(command.fd === undefined ? undefined : socketChannel(command.fd));
      break;
    case 'settings':
      debug = command.settings.debug;
      pipeline.setSettings(command.settings);
      break;
  }
};
parentPort!.on('message', handleCommand);
/** Takes messages of the main thread while no event loop runs that would. */
const takeCommands = (): void => {
  for (let next = receiveMessageOnPort(parentPort!); next; next = receiveMessageOnPort(parentPort!)) {
    handleCommand(next.message);
  }
};

/** Most messages that a replay may be ahead of the main thread: a log is read no faster than its rows are taken. */
const MOST_UNTAKEN = 4;
let untaken = 0;
let onTaken: (() => void) | undefined;
const untilTaken = async (): Promise<void> => {
  while (untaken > MOST_UNTAKEN) {
    await new Promise<void>(resolve => {
      onTaken = resolve;
    });
  }
};

const postRows = (): void => {
  const batches = pipeline.take();
  const offered = processes.take();
  const found = ends?.take() ?? [];
  if (batches.length === 0 && offered === undefined && found.length === 0) return;
  const events: IngestEvents = {
    kind: 'events',
    bytes: bytesOf(batches, offered),
    batches,
    processes: offered,
    sockets: sockets.length === 0 ? undefined : Float64Array.from(sockets),
    ends: found,
    progress: pipeline.progress,
  };
  sockets = [];
  // One message for all: each message wakes the other thread, which costs more than its content.
  report(events, buffersOf(events));
  untaken++;
  outbox.sent(events.bytes);
};

/** Approximate bytes of rows and events in transit. */
const bytesOf = (batches: IngestEvents['batches'], offered: IngestEvents['processes']): number => {
  let bytes = 0;
  for (const { batch } of batches) bytes += batch.bytes.length + 16 * batch.ends.length;
  if (offered !== undefined) {
    bytes += offered.numbers.byteLength;
    for (const text of offered.ownTexts) bytes += 2 * text.length;
  }
  return bytes;
};

let raw = '';
const addRaw = (line: string): void => {
  raw += `${line}\n`;
};
const postRaw = (): void => {
  if (raw === '') return;
  report({ kind: 'raw', text: raw });
  raw = '';
};

const NO_STREAM: StreamCounters = { overruns: 0, dropped: 0, truncated: 0, foreign: 0 };
let toldUnknown = false;
const tellUnknown = (): void => {
  const first = pipeline.firstUnknown;
  if (first === undefined || toldUnknown) return;
  toldUnknown = true;
  report({ kind: 'warning', message: unknownCallWarning(first) });
};
const postCounters = (stream: Readonly<StreamCounters> = NO_STREAM): void => {
  tellUnknown();
  report({
    kind: 'counters',
    counters: {
      pipeline: pipeline.counters(),
      stream,
      looks: looks?.counters,
      ends: ends && { ...ends.counters },
      seen: ends?.seenCounters && { ...ends.seenCounters },
      unaudited: unaudited?.counters,
      malformedInput,
    },
    progress: pipeline.progress,
  });
};

const readKernel = (kernel: Extract<IngestSource, { kind: 'kernel' }>): void => {
  const reader = new KernelReader({
    kernel,
    pipeline,
    looks: looks!,
    ends,
    unaudited,
    outbox,
    wakeSignal: new WakeSignal(initial.wakeSignal, initial.wakeDescriptor),
    hasDescriptor: initial.wakeDescriptor !== undefined,
    report,
    isDebug: () => debug,
    addRaw,
    postRaw,
    postRows,
    postCounters,
    lookAtClock,
    takeCommands,
    isStopped: () => stop.signal.aborted,
    leaves: () => leaves,
  });
  handover = reader;
  reader.run();
};

const readAuditPipeInto = async ({
  path,
  platform,
}: Extract<IngestSource, { kind: 'auditpipe' }>): Promise<void> => {
  let isDamaged = false;
  const timer = setInterval(() => postCounters(), COUNTERS_MS);
  lookAtClock();
  try {
    const chunks = readAuditPipe({
      path,
      platform,
      signal: stop.signal,
      onOpen: () => report({ kind: 'ready' }),
    });
    await publishTrail(pipeline, chunks, {
      mapper: new RecordMapper(),
      onBatch: () => {
        images.forget();
        postRaw();
        postRows();
        lookAtClock();
      },
      onRecord: record => {
        if (debug) addRaw(printRecord(record).trimEnd());
      },
      onProblem: problem => {
        // One warning is enough to start an investigation; all are counted.
        if (!isDamaged) report({ kind: 'warning', message: `${path}: ${formatProblem(problem)}` });
        isDamaged = true;
      },
    });
  } finally {
    clearInterval(timer);
    postCounters();
  }
  if (!stop.signal.aborted) throw new OpenBsmError('unreadable', `${path}: ended, where a device never does`);
};

const readReplay = async ({ paths, times }: Extract<IngestSource, { kind: 'replay' }>): Promise<void> => {
  let progressAt = 0;
  const onBatch = (): Promise<void> => {
    postRaw();
    postRows();
    return untilTaken();
  };
  const { malformed, problems } = await replayInto(pipeline, paths, {
    onBatch,
    onRaw: debug ? addRaw : undefined,
    signal: stop.signal,
    times,
    onProgress: replay => {
      const now = performance.now();
      if (now < progressAt) return;
      progressAt = now + PROGRESS_MS;
      report({ kind: 'progress', replay, events: pipeline.counters().events });
    },
  });
  malformedInput += malformed;
  for (const problem of problems) report({ kind: 'warning', message: `replay of ${problem}` });
  postCounters();
  report({ kind: 'ended' });
};

try {
  switch (source.kind) {
    case 'kernel':
      readKernel(source);
      break;
    case 'auditpipe':
      await readAuditPipeInto(source);
      break;
    case 'replay':
      await readReplay(source);
      break;
  }
} catch (error) {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'internal';
  report({ kind: 'failed', code, message: messageOf(error) });
}
parentPort!.close();

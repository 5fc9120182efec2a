import { uptime } from 'node:os';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { eventTables } from '../../tables/index.ts';
import type { ProcessEvent } from '../audit/audit-event.ts';
import {
  AUDIT_CONFIG_CHANGE,
  AUDIT_FIRST_USER_MSG,
  AUDIT_LOGIN,
  AUDIT_REPLACE,
  NLMSG_ERROR,
} from '../audit/constants.ts';
import { AuditError, errnoName } from '../audit/errors.ts';
import { AuditStream, BATCH, claimAnswer, type OnDatagram, type StreamCounters } from '../audit/stream.ts';
import { printable } from '../audit/value.ts';
import type { ImageTimes } from '../events/event-table.ts';
import type { FileVersion } from '../model/hash/file-version.ts';
import { openSocketEnds } from '../model/sockets/open-socket-ends.ts';
import { readAuditPipe } from '../openbsm/audit-pipe.ts';
import { formatProblem } from '../openbsm/counters.ts';
import { OpenBsmError } from '../openbsm/errors.ts';
import { RecordMapper } from '../openbsm/map-record.ts';
import { printRecord } from '../openbsm/praudit.ts';
import { messageOf } from '../runtime/message-of.ts';
import { waitEither } from '../runtime/socket-calls.ts';
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
import { OUTBOX_BYTES, Outbox } from './outbox.ts';
import { ProcessBatchWriter } from './process-batch.ts';
import { publishTrail } from './publish-trail.ts';
import { type Prompt, receiveLoop } from './receive-loop.ts';
import { RepeatedRecords } from './repeated-records.ts';
import { replayInto } from './replay-into.ts';
import { socketChannel } from './socket-channel.ts';
import { procfsTargets } from './target-paths.ts';
import { kindOfTask } from './task-kind.ts';
import { unknownCallWarning } from './unknown-call.ts';
import { WakeSignal } from './wake-signal.ts';

/*
 * The worker thread between the kernel and the buffers. It waits for records and nothing else, so that neither a
 * SELECT nor a slow reader of ours can make the kernel's queue run over. While it reads the kernel its event loop stands
 * still: see receiveLoop.
 */

/** Bytes of rows that are handed over at once, without waiting for more. */
const POST_BYTES = 256 * 1024;
/** Milliseconds for the kernel to answer the request for the stream. */
const CLAIM_MS = 3_000;
const COUNTERS_MS = 1_000;
/** Milliseconds between two reports of how far a replay is. */
const PROGRESS_MS = 200;
/** Milliseconds after a change of hands in which records may come a second time. */
const HANDOVER_MS = 5_000;
/**
 * Milliseconds for which an inherited socket is read at least: what the kernel could not put there while it was full, it
 * does in this time. What comes later also comes as multicast copy.
 */
const INHERIT_MS = 200;
/** Milliseconds for events under way to come to their end where the stream is left. */
const WHOLE_MS = 2_500;
/** Milliseconds after which a socket that never gets empty is left all the same. */
const ENDLESS_MS = 10_000;
const DRAIN_WAIT_MS = 5;
/** Milliseconds to wait for looks before something else has its turn; as a rule they are done in one. */
const LOOK_MS = 5;
/** Milliseconds for the process that looks to start, before the kernel is read. */
const LOOKER_START_MS = 3_000;
/** Milliseconds to wait for looks at the end. */
const LAST_LOOKS_MS = 300;

const { source, settings: initialSettings, ...initial } = workerData as IngestWorkerData;
const report = (message: IngestReport, transfer: ArrayBuffer[] = []): void =>
  parentPort!.postMessage(message, transfer);

const isKernel = source.kind === 'kernel';
const isLive = source.kind !== 'replay';
let debug = initialSettings.debug;
const stop = new AbortController();
let leaves = false;
let malformedInput = 0;

/** Where this thread may not touch a path itself: on macOS nobody but root can mount what does not answer. */
const looks = isKernel
  ? new ImageLooks({
      now: () => performance.now(),
      onStuck: () => report({ kind: 'looker-stuck', isStuck: true }),
      onAnswer: () => report({ kind: 'looker-stuck', isStuck: false }),
    })
  : undefined;
/** What was found of the event that is being made a row of. */
let lookedAt: (LookedAt & { readonly event: ProcessEvent }) | undefined;
const lookAt = (event: ProcessEvent): LookedAt => {
  const found = looks?.resultOf(event) ?? {
    // Where a recorded event's process was, another one may be by now.
    times: isLive ? images.times(event) : images.timesHere(event),
    version: images.versionOf(event),
  };
  lookedAt = { ...found, event };
  return found;
};
/** Looks at sockets: what it reads never waits for anything. */
const ends = isKernel && initial.ends ? openSocketEnds() : undefined;
const outbox = new Outbox(OUTBOX_BYTES, initial.outbox);

const pipeline = new EventPipeline({
  tables: eventTables,
  settings: initialSettings,
  context: {
    uptimeAt: seconds => (isLive ? Math.max(0, Math.floor(seconds - bootTime)) : undefined),
    // Of a recorded event's time nothing is left to look up.
    imageTimes: event => (isLive ? lookAt(event).times : undefined),
  },
  targets: isKernel ? procfsTargets : undefined,
  kindOfTask: isKernel ? kindOfTask : () => 'gone',
  now: () => performance.now(),
  countGaps: isKernel,
  ...initial.start,
  looks,
  familyOfAccept: ends && (event => ends.familyOfAccept(event)),
  onProcess: (event, eid) => {
    const looked = lookedAt?.event === event ? lookedAt : undefined;
    lookedAt = undefined;
    if (sendsProcesses) processes.append(event, eid, (looked ?? lookAt(event)).version);
  },
  onSocket: (event, eid) => {
    ends?.see(event, eid);
  },
});
let sendsProcesses = initial.processes;
const processes = new ProcessBatchWriter();
const images = new ImageFiles();
/** Milliseconds between two looks at the clock, which may be set: the system's uptime comes out of a file. */
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

/** How the stream changes hands, while the kernel is read. */
let handover: { claim(): void; share(release: boolean): void } | undefined;

const handleCommand = (command: IngestCommand): void => {
  switch (command.kind) {
    case 'stop':
      leaves = command.leave;
      stop.abort();
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
/** Takes what the main thread has said, where no event loop runs that would. */
const takeCommands = (): void => {
  for (let next = receiveMessageOnPort(parentPort!); next; next = receiveMessageOnPort(parentPort!)) {
    handleCommand(next.message);
  }
};

/** Messages with events that a replay may be ahead of the other thread: a log is read no faster than its rows are taken. */
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
    ends: found,
    progress: pipeline.progress,
  };
  // One message: each wakes the other thread, which costs more than what is in it.
  report(events, buffersOf(events));
  untaken++;
  outbox.sent(events.bytes);
};

/** About what rows and events occupy on their way. */
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
      malformedInput,
    },
    progress: pipeline.progress,
  });
};

/** Has asked for what is to be looked at, and makes rows of what has been. */
const settleLooks = (waitMs: number): void => {
  looks!.send();
  looks!.settle(waitMs);
  pipeline.publishLooked();
};

const readKernel = ({
  mode,
  receiveBuffer,
  inheritedFd,
}: Extract<IngestSource, { kind: 'kernel' }>): void => {
  // Until the inherited socket is closed, and nobody owns the stream, the copy is what is missed by neither.
  const stream = AuditStream.open(inheritedFd === undefined ? mode : 'multicast', receiveBuffer);
  /** A request for the stream: what the kernel said, 0 or a positive errno, and until when it may. */
  let claim: { errno?: number; readonly before: number } | undefined;
  /** While the stream changes hands. */
  let repeated: RepeatedRecords | undefined;
  let repeatedUntil = Number.POSITIVE_INFINITY;
  let configChanged = false;
  let wantedBy = 0;
  let isReady = false;
  let countersAt = 0;
  const bell = new WakeSignal(initial.bell, initial.bellDescriptor);
  /** How often it had been rung before the records of this turn were taken, and how often when that was answered last. */
  let heard = 0;
  let answered = 0;

  const ask = (): void => {
    claim = { before: performance.now() + CLAIM_MS };
    stream.own(process.pid);
  };
  const changeHands = (): void => {
    repeated = new RepeatedRecords(serial => pipeline.isFinished(serial));
    repeatedUntil = performance.now() + HANDOVER_MS;
  };
  handover = {
    claim() {
      changeHands();
      ask();
    },
    share(release) {
      changeHands();
      stream.join();
      if (release) stream.own(0);
      report({ kind: 'shared' });
    },
  };

  const onDatagram: OnDatagram = (type, bytes, start, end) => {
    if ((type >= AUDIT_FIRST_USER_MSG || type === AUDIT_LOGIN) && type !== AUDIT_REPLACE) {
      if (debug) addRaw(`${type} ${printable(bytes, start, end)}`);
      if (repeated?.isRepeated(type, bytes, start, end)) return;
      if (type === AUDIT_CONFIG_CHANGE) configChanged = true;
      pipeline.push(type, bytes, start, end);
    } else if (type === NLMSG_ERROR) {
      const errno = claimAnswer(bytes, start, end);
      if (errno === undefined || claim === undefined) return;
      claim.errno ??= errno;
      if (errno === 0) stream.leave();
    } else if (type === AUDIT_REPLACE && end - start >= 4) {
      wantedBy = bytes.readUInt32LE(start);
    }
  };
  const onBatch = (): void => {
    pipeline.settle();
    settleLooks(0);
    if (pipeline.byteCount >= POST_BYTES) postRows();
  };
  /** Reads on until nothing waits and no event is under way. */
  const drain = (from: AuditStream, leastMs: number): void => {
    const start = performance.now();
    for (;;) {
      const received = from.receive(onDatagram);
      onBatch();
      const elapsed = performance.now() - start;
      if (received === BATCH && elapsed < ENDLESS_MS) continue;
      if (elapsed >= leastMs && (pipeline.isWhole || elapsed >= leastMs + WHOLE_MS)) return;
      from.wait(DRAIN_WAIT_MS);
    }
  };
  const inherit = (fd: number): void => {
    const before = AuditStream.inherit(fd);
    try {
      drain(before, INHERIT_MS);
    } finally {
      before.close();
    }
    changeHands();
  };
  /** Returns whether the kernel has still to answer. */
  const awaitsAnswer = (now: number): boolean => {
    if (claim === undefined) return false;
    if (claim.errno === undefined && now < claim.before) return true;
    const { errno } = claim;
    claim = undefined;
    if (isReady) report({ kind: 'claimed', errno: errno ?? ETIMEDOUT });
    else if (errno !== 0) throw claimError(errno);
    return false;
  };
  const onTurn = (): boolean => {
    settleLooks(LOOK_MS);
    ends?.look();
    const now = performance.now();
    postRaw();
    postRows();
    // Events that wait for a look have been received: they belong to the answer.
    if (heard !== answered && !looks!.isWaiting) {
      report({ kind: 'up-to-date', ring: heard });
      answered = heard;
    }
    lookAtClock();
    if (awaitsAnswer(now) && !isReady) return true;
    if (!isReady) report({ kind: 'ready', fd: stream.fd });
    isReady = true;
    if (now >= repeatedUntil) repeated = undefined;
    if (configChanged) report({ kind: 'config-changed' });
    configChanged = false;
    // Our own requests among them.
    if (wantedBy !== 0 && wantedBy !== process.pid) report({ kind: 'wanted', pid: wantedBy });
    wantedBy = 0;
    if (now >= countersAt) {
      postCounters(stream.counters);
      countersAt = now + COUNTERS_MS;
    }
    takeCommands();
    heard = bell.rings;
    return !stop.signal.aborted;
  };
  const pause = (milliseconds: number): void => {
    bell.pause(answered, milliseconds);
    heard = bell.rings;
  };

  const restful = {
    // What is not taken waits in the kernel, as far as there is room.
    receive: (each: OnDatagram) => (outbox.isFull ? 0 : stream.receive(each)),
    wait: (milliseconds: number) => {
      const most = looks!.isWaiting ? LOOK_MS : Math.min(milliseconds, ends?.waitMs ?? milliseconds);
      return bell.rest(answered, () => stream.wait(Math.ceil(most)));
    },
  };
  const prompt: Prompt | undefined = ends && {
    isOn: () => ends.isPrompt && initial.bellDescriptor !== undefined,
    isWhole: () => pipeline.hasAllRecords,
    look() {
      settleLooks(0);
      ends.look();
    },
    wait(milliseconds) {
      const has = bell.restAtHand(answered, descriptor =>
        waitEither(stream.fd, descriptor, Math.min(milliseconds, ends.waitMs ?? milliseconds)),
      );
      heard = bell.rings;
      return has;
    },
  };

  try {
    lookAtClock();
    // Who looks at files for this thread.
    takeCommands();
    looks!.awaitReady(LOOKER_START_MS);
    if (inheritedFd !== undefined) inherit(inheritedFd);
    if (mode === 'unicast') ask();
    receiveLoop({ stream: restful, onDatagram, onBatch, onTurn, pause, prompt });
    if (leaves) drain(stream, 0);
    // What has come since.
    else while (stream.receive(onDatagram) === BATCH) onBatch();
    for (let waited = 0; looks!.isWaiting && waited < LAST_LOOKS_MS; waited += LOOK_MS) settleLooks(LOOK_MS);
    pipeline.flush();
    postRaw();
    postRows();
    postCounters(stream.counters);
    looks!.close();
    ends?.close();
  } finally {
    bell.leave();
    stream.close();
  }
};

const ETIMEDOUT = 110;

const claimError = (errno: number | undefined): AuditError => {
  if (errno === undefined)
    return new AuditError('no-reply', 'the kernel did not answer the request for the audit stream');
  const name = errnoName(errno);
  if (name === 'EEXIST')
    return new AuditError('owned', 'another process has taken the audit stream meanwhile', { errno });
  return new AuditError(
    'no-permission',
    `the kernel refused the audit stream: ${name}: it takes CAP_AUDIT_CONTROL`,
    {
      errno,
    },
  );
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
        // One line is enough to look into it; how often it happens is counted.
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

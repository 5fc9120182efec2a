import { FlagError, quoteText } from '../flags/flag-error.ts';
import { createTextSink } from '../runtime/terminal/text-sink.ts';
import type { Picture } from '../shell/events/event-rates.ts';
import type { RunningCore } from '../shell/run-core.ts';
import type { Command } from './command.ts';
import { commonFlags, topFlags } from './command-flags.ts';
import { coreOnEvents } from './core-source.ts';
import { stdoutSettings } from './terminal-output.ts';

/** Room for the events between two pictures of a noisy host; files of programs are not hashed for this. */
const TOP_DEFAULTS = {
  events_max: '500000',
  custom_audit_buffer_bytes: '67108864',
  custom_audit_hash_file_bytes: '0',
};

export const topCommand: Command = {
  name: 'top',
  summary: 'the programs and users that make the most events, and what they cost',
  usage: 'top [--every N] [--rounds N] [--rows N] [--json] [--replay FILE]',
  notes: [
    'It takes events as the shell does, beside a running osqueryd too. What is recorded is what the flags ask for: --audit_allow_sockets adds connections.',
    "CPU is that of the extension, shared out by the number of events; what the kernel spends is not in it. LOG/S is the size of the rows in osquery's result log, if a query selects all of them.",
    'With --replay it shows one picture of the whole time, with numbers of events instead of rates.',
  ],
  flags: topFlags,
  flagGroups: commonFlags,
  run: async flags => {
    const [stray] = flags.positionals;
    if (stray !== undefined) throw new FlagError('usage', `top: unexpected argument ${quoteText(stray)}`);
    const number = (name: string, otherwise: number): number => Number(flags.values.get(name) ?? otherwise);
    const options = {
      every: number('every', 2),
      rounds: number('rounds', 0) || Number.POSITIVE_INFINITY,
      rows: number('rows', 15),
      json: flags.values.get('json') === 'true',
    };
    const events = await coreOnEvents(flags, topFlags, TOP_DEFAULTS);
    const { runOnCore } = await import('../shell/run-core.ts');
    return runOnCore(events, running =>
      events.readsFiles === true ? showRecorded(running, options) : showLive(running, options),
    );
  },
};

interface TopOptions {
  /** Seconds. */
  readonly every: number;
  readonly rounds: number;
  readonly rows: number;
  readonly json: boolean;
}

/** To the upper left, and everything below away. */
const CLEAR = '\u001b[H\u001b[2J';

const showLive = async (
  { core, extensionPid, signals }: RunningCore,
  options: TopOptions,
): Promise<number> => {
  const { EventCounter } = await import('../shell/events/count-events.ts');
  const { pictureOf } = await import('../shell/events/event-rates.ts');
  const { cpuSecondsOf } = await import('../shell/events/process-cpu.ts');
  const { pause } = await import('../shell/pause.ts');
  const { coreSource } = await import('../shell/sql-source.ts');
  const counter = new EventCounter(coreSource(core), true);
  const out = createTextSink(process.stdout);
  const signal = signals.ending;
  let [startedAt, cpuBefore] = [performance.now(), cpuSecondsOf(extensionPid())];
  let [now, cpu] = [startedAt, cpuBefore];
  const look = (): void => {
    [now, cpu] = [performance.now(), cpuSecondsOf(extensionPid())];
  };
  // What came before the first while does not belong to it.
  await counter.next(signal, look);
  for (let round = 0; round < options.rounds; round++) {
    [startedAt, cpuBefore] = [now, cpu];
    await pause(options.every * 1000 - (performance.now() - startedAt), signal);
    if (signal.aborted) break;
    const count = await counter.next(signal, look);
    const cpuSeconds =
      cpu === undefined || cpuBefore === undefined ? undefined : Math.max(0, cpu - cpuBefore);
    const picture = pictureOf({ ...count, seconds: (now - startedAt) / 1000, cpuSeconds });
    const clears = process.stdout.isTTY === true && process.env.TERM !== 'dumb' && !options.json;
    await out.write((clears ? CLEAR : '') + (await textOf(picture, options)));
  }
  return 0;
};

const showRecorded = async ({ core, signals }: RunningCore, options: TopOptions): Promise<number> => {
  const { EventCounter } = await import('../shell/events/count-events.ts');
  const { pictureOf } = await import('../shell/events/event-rates.ts');
  const { coreSource } = await import('../shell/sql-source.ts');
  const source = coreSource(core);
  const signal = signals.ending;
  const times = ['process_events', 'socket_events', 'user_events', 'process_file_events'].map(
    table => `SELECT time FROM ${table}`,
  );
  const [range] = await source.query(
    `SELECT max(time) - min(time) + 1 AS seconds FROM (${times.join(' UNION ALL ')})`,
    signal,
  );
  const count = await new EventCounter(source, false).next(signal);
  const seconds = Math.max(1, Number(range?.seconds || 1));
  const picture = pictureOf({ ...count, seconds, cpuSeconds: undefined });
  await createTextSink(process.stdout).write(await textOf(picture, options, true));
  return 0;
};

const textOf = async (picture: Picture, { rows, json }: TopOptions, areTotals = false): Promise<string> => {
  const at = `${new Date().toISOString().slice(0, 19)}Z`;
  if (json) return `${JSON.stringify({ time: at, ...picture, programs: picture.programs.slice(0, rows) })}\n`;
  const { drawTop } = await import('../shell/events/draw-top.ts');
  const { width, style } = stdoutSettings('table');
  // The window may have fewer rows than were asked for: the lines around the programs are twelve.
  const most = process.stdout.isTTY === true ? Math.max(1, (process.stdout.rows || 24) - 12) : rows;
  return drawTop(picture, { width, style, at, areTotals, rows: Math.min(rows, most) });
};

/** `.watch 2 SELECT …`: a statement again and again, in the same place of the screen. */
import { type CommandSession, type DotCommand, type InputOutcome, wrong } from '../command-session.ts';
import { pause } from '../pause.ts';

const DEFAULT_SECONDS = 2;
/** Seconds: less would only take the CPU from what is watched. */
const LEAST_SECONDS = 0.1;
const MOST_SECONDS = 86_400;

/** To the upper left, and everything below away. */
const CLEAR = '\u001b[H\u001b[2J';

interface Watched {
  readonly seconds: number;
  readonly text: string;
}

/** `[SECONDS] SQL`, or a command instead of SQL. */
export const parseWatch = (argument: string): Watched | string => {
  const [, number, text = ''] = /^(?:(-?[\d.]+)(?:\s+|$))?(.*)$/s.exec(argument) ?? [];
  const seconds = number === undefined ? DEFAULT_SECONDS : Number(number);
  if (!(seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS))
    return `expected seconds from ${LEAST_SECONDS} to ${MOST_SECONDS}, got ${JSON.stringify(number)}`;
  if (text === '') return 'expected a statement, as in .watch 2 SELECT count(*) FROM process_events';
  if (/^\.(?:watch|tail|exit|quit)\b/.test(text)) return `expected a statement that ends, got ${text}`;
  return { seconds, text };
};

const watch = (session: CommandSession, { seconds, text }: Watched): Promise<InputOutcome> =>
  session.interruptible(async signal => {
    const clears = session.printSettings().terminal && process.env.TERM !== 'dumb';
    while (!signal.aborted) {
      const started = performance.now();
      if (clears) await session.write(CLEAR);
      await session.print(`Every ${seconds} s, at ${new Date().toISOString().slice(0, 19)}Z: ${text}`);
      const outcome = await session.enter(text);
      if (outcome !== 'done') return outcome;
      await pause(seconds * 1000 - (performance.now() - started), signal);
    }
    return 'interrupted';
  });

export const watchCommand: DotCommand = {
  name: 'watch',
  argument: 'sql',
  usage: '[SECONDS] SQL',
  help: 'Run a statement every SECONDS (2), until Ctrl-C',
  run: async (session, argument) => {
    const watched = parseWatch(argument);
    return typeof watched === 'string' ? wrong(session, `.watch: ${watched}`) : watch(session, watched);
  },
};

import { account, type Break } from '../account.ts';
import type { ExecLoad } from '../exec-load.ts';
import type { Stage } from './stage.ts';

/** From an execution to its row, on a machine that is so busy that osqueryd is started in ten seconds. */
const LATENCY_MS = 1_000;

/** The program that loads run, without what other programs of the host do. */
export const LOADED = "SELECT cmdline FROM process_events WHERE path LIKE '%/true'";

/** Notes what became of a load's executions in a log: each is to be there once, but for those in a killed process's memory. */
export const checkAccount = (
  stage: Stage,
  load: ExecLoad,
  cmdlines: readonly (string | undefined)[],
  breaks: readonly Break[] = [],
): void => {
  const logged = cmdlines.map(cmdline => load.numberIn(cmdline)).filter(number => number !== undefined);
  const found = account(load.executions, logged, breaks, LATENCY_MS);
  const inMemory = found.breaks.reduce((sum, { inMemory }) => sum + inMemory, 0);
  const unheard = found.breaks.reduce((sum, { unheard }) => sum + unheard, 0);
  stage.say(
    `${found.executed} executions: ${found.once} logged once, ${found.missing} missing (${inMemory} in a killed process's memory)`,
  );
  for (const { number, from } of found.unexplained.slice(0, 10)) {
    const since = breaks.map(({ name, deaf }) => `${((from - deaf) / 1000).toFixed(2)} s from the ${name}`);
    stage.say(`number ${number} is missing, of ${new Date(from).toISOString()}: ${since.join(', ')}`);
  }
  stage.equal('executions logged more than once', found.moreThanOnce.length, 0);
  stage.equal('executions that nobody listened to', unheard, 0);
  stage.equal('executions missing without a reason', found.unexplained.length, 0);
};

import { setTimeout as sleep } from 'node:timers/promises';
import type { OsqueryPrograms } from './osquery-programs.ts';
import type { StockScenario } from './scenario.ts';
import { type Check, onLiveAudit, Stage } from './stage.ts';

export interface ScenarioResult {
  readonly checks: readonly Check[];
  /** What ended the scenario before its end. */
  readonly error: string | undefined;
  readonly isProven: boolean;
}

/** Puts an osqueryd through a scenario, for no longer than the scenario may take. */
export const runScenario = async (
  scenario: StockScenario,
  osquery: OsqueryPrograms,
  extension: string,
  say: (line: string) => void,
): Promise<ScenarioResult> => {
  const begun = performance.now();
  await using stage = new Stage(osquery, extension, say);
  let error: string | undefined;
  try {
    const run = (): Promise<void> => withinLimit(scenario, stage);
    await (scenario.isLive ? onLiveAudit(stage, run) : run());
  } catch (thrown) {
    error = thrown instanceof Error ? thrown.message : String(thrown);
    say(`FAILED  ${error}`);
  }
  const pause = (stage.longestPause / 1000).toFixed(1);
  const took = ((performance.now() - begun) / 1000).toFixed(0);
  const isProven = error === undefined && !stage.hasFailed;
  say(
    `${isProven ? 'proven' : 'NOT PROVEN'}; longest time for which no query ran ${pause} s; took ${took} s`,
  );
  return { checks: stage.checks, error, isProven };
};

const withinLimit = async (scenario: StockScenario, stage: Stage): Promise<void> => {
  const done = new AbortController();
  const limit = sleep(scenario.limit * 1000, undefined, { signal: done.signal }).then(
    () => {
      throw new Error(`expected to be done within ${scenario.limit} s`);
    },
    () => {},
  );
  try {
    await Promise.race([scenario.run(stage), limit]);
  } finally {
    done.abort();
  }
};

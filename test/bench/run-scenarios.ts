import { availableParallelism, loadavg, release } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { auditIsFree, whyNotLive } from '../live/kernel-audit.ts';
import { isReached } from './figure.ts';
import { fromFile, fromSources } from './program.ts';
import { resultJson, resultTable, type ScenarioResult } from './report.ts';
import type { Scenario } from './scenario.ts';

/**
 * The main program of a collection of scenarios: all of them, or those named on the command line, one after the other.
 *
 * @param command the npm script it is started by
 * @returns whether every figure with a goal has reached it
 */
export const runScenarios = async (command: string, scenarios: readonly Scenario[]): Promise<boolean> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean' },
      help: { type: 'boolean' },
      /** A built executable in place of the sources. */
      ext: { type: 'string' },
      /** Where the extension's threads leave their CPU profiles. */
      profile: { type: 'string' },
    },
  });
  // npm takes an option that is not behind `--` for its own.
  const json = values.json === true || process.env.npm_config_json === 'true';

  const names = scenarios.map(({ name, title }) => `  ${name.padEnd(24)}${title}\n`).join('');
  if (values.help === true) {
    process.stdout.write(
      `npm run ${command} [SCENARIO…] [-- --json --ext FILE --profile DIRECTORY]\n\n${names}`,
    );
    process.exit(0);
  }
  const unknown = positionals.find(name => !scenarios.some(scenario => scenario.name === name));
  if (unknown !== undefined) {
    process.stderr.write(`unknown scenario ${JSON.stringify(unknown)}: expected one or more of\n${names}`);
    process.exit(2);
  }
  const chosen =
    positionals.length === 0 ? scenarios : scenarios.filter(({ name }) => positionals.includes(name));

  const program =
    values.ext === undefined
      ? fromSources(
          values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(values.profile)}`],
        )
      : fromFile(resolve(values.ext));
  const note = (text: string): void => {
    process.stderr.write(`${command}: ${text}\n`);
  };
  const load = (): number => loadavg()[0]!;

  const loadBefore = load();
  const results: ScenarioResult[] = [];
  for (const scenario of chosen) {
    if (scenario.needsAudit) {
      if (whyNotLive !== undefined) {
        note(`${scenario.name}: left out: ${whyNotLive}`);
        continue;
      }
      await auditIsFree();
    }
    note(`${scenario.name}: ${scenario.title}`);
    results.push({ scenario, figures: await scenario.run({ program, note }) });
  }
  const host = {
    node: process.version,
    kernel: release(),
    cpus: availableParallelism(),
    program: program.name,
    loadBefore,
    loadAfter: load(),
  };
  if (json) {
    process.stdout.write(resultJson(results, host));
  } else {
    process.stdout.write(resultTable(results));
    process.stdout.write(
      `\n${host.program}; Node ${host.node}, Linux ${host.kernel}, ${host.cpus} CPUs; load before ${loadBefore.toFixed(1)}, after ${host.loadAfter.toFixed(1)}\n`,
    );
  }
  return results.every(({ figures }) => figures.every(figure => isReached(figure) !== false));
};

/**
 * Measures the extension: `npm run bench [SCENARIO…] [--json]`, `npm run bench -- --ext FILE --profile DIRECTORY`.
 *
 * Each scenario starts the extension as osqueryd does, as a process of its own. Those on the kernel's events need root
 * and an audit socket that nobody owns; all load stays on this host and ends by itself. Nothing here is asserted
 * anywhere: figures depend on the machine, and on what else it does.
 */
import { availableParallelism, loadavg, release } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { auditIsFree, whyNotLive } from '../live/kernel-audit.ts';
import { fromFile, fromSources } from './program.ts';
import { resultJson, resultTable, type ScenarioResult } from './report.ts';
import { scenarios } from './scenarios.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean' },
    help: { type: 'boolean' },
    /** A built executable to measure in place of the sources. */
    ext: { type: 'string' },
    /** Where the extension's threads leave their CPU profiles. */
    profile: { type: 'string' },
  },
});
// npm takes an option that is not behind `--` for its own.
const json = values.json === true || process.env.npm_config_json === 'true';

const names = scenarios.map(({ name, title }) => `  ${name.padEnd(24)}${title}\n`).join('');
if (values.help === true) {
  process.stdout.write(`npm run bench [SCENARIO…] [-- --json --ext FILE --profile DIRECTORY]\n\n${names}`);
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
  process.stderr.write(`bench: ${text}\n`);
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

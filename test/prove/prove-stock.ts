/**
 * Proves that the extension does what it should in an installed osqueryd, and never holds it up:
 * `npm run prove:stock -- [SCENARIO…] [--ext FILE]`, as root for those on the kernel's own events. The osqueryd is
 * the one on PATH, or the one that the variable OSQUERYD names. Ends with status 1 if something is not as it should be.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { whyNotLive } from '../live/kernel-audit.ts';
import { osquery, whyNotStock } from './stock/osquery-programs.ts';
import { runScenario } from './stock/run-scenario.ts';
import { stockScenarios } from './stock/scenarios.ts';
import { buildExtension } from './stock/stage.ts';

const { values, positionals } = parseArgs({
  options: { ext: { type: 'string' }, help: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const unknown = positionals.filter(name => !stockScenarios.some(scenario => scenario.name === name));
if (values.help || unknown.length > 0) {
  for (const name of unknown) say(`there is no scenario ${name}`);
  for (const { name, title } of stockScenarios) say(`${name.padEnd(16)}${title}`);
  process.exit(values.help ? 0 : 2);
}
if (osquery === undefined) {
  say(`nothing is proved: ${whyNotStock}`);
  process.exit(1);
}

const directory = mkdtempSync(join(tmpdir(), 'prove-stock-'));
const failed: string[] = [];
try {
  const extension = values.ext === undefined ? await buildExtension(directory) : resolve(values.ext);
  const chosen = stockScenarios.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  for (const scenario of chosen) {
    say(`\n${scenario.name}: ${scenario.title}`);
    if (scenario.isLive && whyNotLive !== undefined) {
      say(`skipped: ${whyNotLive}`);
      continue;
    }
    const { isProven } = await runScenario(scenario, osquery, extension, say);
    if (!isProven) failed.push(scenario.name);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
if (failed.length > 0) say(`\nnot proven: ${failed.join(', ')}`);
process.exit(failed.length > 0 ? 1 : 0);

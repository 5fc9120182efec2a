/**
 * Proves that each execution is logged once: `npm run prove:schedule -- [--execs N] [--seconds N] [--every N]
 * [--ext FILE]`, as root. Ends with status 1 if a row is there twice, or is missing and was not in the memory of the process
 * that was killed.
 */
import { parseArgs } from 'node:util';
import { auditIsFree, whyNotLive } from '../live/kernel-audit.ts';
import { proveSchedule } from './prove.ts';

/** For start, restart, kill and end, besides the time of the executions. */
const MARGIN_MS = 120_000;

const { values } = parseArgs({
  options: {
    execs: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '60' },
    every: { type: 'string', default: '2' },
    ext: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});
if (whyNotLive !== undefined) process.exit(1);

const number = (name: 'execs' | 'seconds' | 'every'): number => {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${name}: expected a whole number above 0, got ${values[name]}`);
};
const seconds = number('seconds');
setTimeout(
  () => {
    process.stderr.write('the proof has not ended in time\n');
    process.exit(1);
  },
  seconds * 1000 + MARGIN_MS,
).unref();

await auditIsFree();
const proof = await proveSchedule({
  execs: number('execs'),
  seconds,
  every: number('every'),
  extension: values.ext,
});
if (values.verbose) process.stderr.write(proof.stderr);

const line = (name: string, value: string | number): void => {
  process.stdout.write(`${name.padEnd(44)}${value}\n`);
};
line('executed', proof.executed);
line('logged once', proof.once);
line('logged more than once', proof.moreThanOnce.length);
line('rows repeated, over all queries', proof.repeatedRows);
line('logged but never run', proof.unknown.length);
line('missing', proof.missing);
for (const { name, inMemory, unheard, memoryMs, deafMs } of proof.breaks) {
  process.stdout.write(`  ${name}\n`);
  line(`    in memory only, the last ${memoryMs} ms`, inMemory);
  line(`    not read, for ${deafMs} ms`, unheard);
}
line('missing without a reason', proof.unexplained.length);
for (const { number, from } of proof.unexplained.slice(0, 20))
  process.stdout.write(`  number ${number} at ${new Date(from).toISOString()}\n`);
for (const [index, counters] of proof.losses.entries()) {
  const lost = Object.entries(counters).map(([name, value]) => `${name} ${value}`);
  line(`counted by extension ${index + 1}`, lost.join(', '));
}
line('audit as it was found', proof.auditAsFound ? 'yes' : 'NO');
line('exit statuses of the daemon', proof.exits.join(' '));
const isProven =
  proof.repeatedRows === 0 &&
  proof.moreThanOnce.length === 0 &&
  proof.unknown.length === 0 &&
  proof.unexplained.length === 0 &&
  proof.breaks.every(({ unheard }) => unheard === 0) &&
  proof.auditAsFound;
process.exit(isProven ? 0 : 1);

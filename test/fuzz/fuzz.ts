/**
 * Gives the product's readers bytes that nobody in his right mind would send:
 * `npm run fuzz -- [--executions N] [--target NAME]… [--seed S] [--out DIR]`. See README.md beside this file.
 *
 * Ends with status 1 if an input was found that does harm; it is written to DIR.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runTarget } from './run-target.ts';
import { targets } from './targets.ts';

const { values } = parseArgs({
  options: {
    executions: { type: 'string', default: '1000000' },
    target: { type: 'string', multiple: true, default: [] },
    seed: { type: 'string', default: String(Date.now()) },
    out: { type: 'string', default: join(tmpdir(), 'fuzz-findings') },
  },
});
const wholeNumber = (name: 'executions' | 'seed'): number => {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new Error(`--${name}: expected a whole number from 1, got ${values[name]}`);
  }
  return value;
};
const executions = wholeNumber('executions');
const seed = wholeNumber('seed');
for (const name of values.target) {
  if (!targets.some(target => target.name === name)) {
    throw new Error(`--target: expected ${targets.map(target => target.name).join(', ')}; got ${name}`);
  }
}
const chosen = targets.filter(({ name }) => values.target.length === 0 || values.target.includes(name));

const count = (value: number): string => value.toLocaleString('en-US');
const say = (line: string): void => void process.stdout.write(`${line}\n`);

say(`seed ${seed}`);
let done = 0;
let findings = 0;
/** Between two lines of progress where there is no terminal. */
const TOLD_MS = 60_000;
let toldAt = performance.now();
const began = performance.now();
for (const target of chosen) {
  const share = Math.ceil(executions / chosen.length);
  const result = await runTarget(target, {
    executions: share,
    seed,
    onProgress: state => {
      if (!process.stderr.isTTY) {
        if (performance.now() - toldAt < TOLD_MS) return;
        toldAt = performance.now();
        process.stderr.write(`${target.name}: ${count(state.executions)} of ${count(share)}\n`);
        return;
      }
      process.stderr.write(`\r${target.name}: ${count(state.executions)} of ${count(share)}   `);
    },
  });
  if (process.stderr.isTTY) process.stderr.write('\r');
  if (result.kind === 'finding') {
    findings++;
    mkdirSync(values.out, { recursive: true });
    const path = join(values.out, `${target.name}-${seed}`);
    writeFileSync(path, result.input);
    say(`${target.name.padEnd(16)} FOUND ${result.what}\n  input of ${result.input.length} bytes: ${path}`);
    continue;
  }
  done += result.executions;
  const seconds = result.milliseconds / 1000;
  say(
    `${target.name.padEnd(16)}${count(result.executions).padStart(12)} executions in ${seconds.toFixed(1).padStart(6)} s, ` +
      `${count(Math.round(result.executions / seconds)).padStart(8)}/s, ${count(result.corpus)} inputs kept, ` +
      `${count(result.coverage)} characters of source run`,
  );
}
say(
  `${count(done)} executions in ${((performance.now() - began) / 1000).toFixed(0)} s, ${findings} findings`,
);
process.exitCode = findings === 0 ? 0 : 1;

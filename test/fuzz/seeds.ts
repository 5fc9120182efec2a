import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FIXTURES = fileURLToPath(new URL('../../fixtures/', import.meta.url));
const SEEDS = fileURLToPath(new URL('./seeds/', import.meta.url));

/** The lines of all recorded Linux logs, without comments. */
export const recordedLines = (): Buffer[] =>
  readdirSync(FIXTURES)
    .filter(name => name.endsWith('.log'))
    .flatMap(name => readFileSync(FIXTURES + name, 'latin1').split('\n'))
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => Buffer.from(line, 'latin1'));

/** The payloads of recorded records of some types, each once by its form: digits say nothing new. */
export const recordedPayloads = (...types: readonly number[]): Buffer[] => {
  const forms = new Map<string, Buffer>();
  for (const line of recordedLines()) {
    const match = /^(\d+) (audit\(.*)$/s.exec(line.toString('latin1'));
    if (match === null || !types.includes(Number(match[1]))) continue;
    const payload = match[2]!;
    const form = payload.replaceAll(/[0-9A-Fa-f]+/g, '0').slice(0, 400);
    if (!forms.has(form)) forms.set(form, Buffer.from(payload, 'latin1'));
  }
  return [...forms.values()];
};

/** The recorded BSM trails. */
export const recordedTrails = (): Buffer[] =>
  readdirSync(`${FIXTURES}openbsm`)
    .filter(name => name.endsWith('.trail'))
    .map(name => readFileSync(`${FIXTURES}openbsm/${name}`));

/** Inputs that a run found something with: they are run in every test from then on. */
export const keptSeeds = (target: string): Buffer[] => {
  const directory = SEEDS + target;
  return existsSync(directory)
    ? readdirSync(directory)
        .sort()
        .map(name => readFileSync(`${directory}/${name}`))
    : [];
};

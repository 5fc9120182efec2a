import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { execveFields, untrusted } from './kernel-records.ts';

const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), 'latin1');

/** The other tests stand on these writers: they must write what a kernel wrote. */
describe('the writers of kernel records', () => {
  it.each([
    'exec',
    'exec-odd-arguments',
    'exec-60-arguments',
    'exec-900-arguments',
    'exec-90kb-argument',
    'exec-90kb-argument-hex',
    'exec-200kb',
  ])('write the EXECVE records of %s as recorded', name => {
    const [row] = JSON.parse(fixture(`${name}.json`)).process_events;
    const argv: string[] = JSON.parse(Buffer.from(row.argv, 'latin1').toString('utf8'));
    const recorded = fixture(`${name}.log`)
      .split('\n')
      .filter(line => line.startsWith('1309 ') && line.includes(`audit(${row.audit_id})`))
      .map(line => line.slice(line.indexOf('): ') + 3));
    expect(execveFields(argv)).toEqual(recorded);
  });

  it('quote only what needs no encoding', () => {
    expect(untrusted('/bin/echo')).toBe('"/bin/echo"');
    expect(untrusted('')).toBe('""');
    expect(untrusted('a\\')).toBe('"a\\"');
    expect(untrusted('two words')).toBe('74776F20776F726473');
    expect(untrusted('a"b')).toBe('612262');
  });
});

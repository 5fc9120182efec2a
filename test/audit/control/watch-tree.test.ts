import { describe, expect, it } from 'vitest';
import { encodeRule, NO_EVENTS, rulesFor, type Watch } from '../../../src/audit/control/rules.ts';
import { encodeEquivalence, freeAnchor } from '../../../src/audit/control/watch-tree.ts';
import { nativeArchitectures } from '../../../src/audit/syscalls.ts';

const X64 = nativeArchitectures('x64', 'LE');
const watching = (watches: readonly Watch[], anchor?: string) =>
  rulesFor({ ...NO_EVENTS, watches, anchor }, X64, 1).slice(1);
const directory = (path: string): Watch => ({ kind: 'directory', path });
const DIR = 107;
const rulePaths = (rules: ReturnType<typeof watching>) =>
  new Set(rules.flatMap(({ fields }) => fields.flatMap(([field, value]) => (field === DIR ? [value] : []))));

describe('rules for watched directories', () => {
  it('are those of the anchor, however many there are', () => {
    const two = watching(['/etc', '/usr'].map(directory), '/proc/driver');
    const many = watching(
      Array.from({ length: 64 }, (_, i) => directory(`/d${i}`)),
      '/proc/driver',
    );
    expect(many).toEqual(two);
    expect(rulePaths(many)).toEqual(new Set(['/proc/driver']));
  });

  it('are its own where it is alone, or there is no anchor', () => {
    expect(rulePaths(watching([directory('/etc')], '/proc/driver'))).toEqual(new Set(['/etc']));
    expect(rulePaths(watching(['/etc', '/usr'].map(directory)))).toEqual(new Set(['/etc', '/usr']));
  });

  it('leave single paths as they are', () => {
    const single: Watch = { kind: 'path', path: '/etc/passwd' };
    const rules = watching([directory('/a'), single, directory('/b')], '/proc/driver');
    expect(rules.some(({ fields }) => fields.some(([, value]) => value === '/etc/passwd'))).toBe(true);
  });
});

describe('freeAnchor', () => {
  const listed = (path: string) => watching([directory(path)]).map(encodeRule);

  it('is one that no rule watches', () => {
    expect(freeAnchor([])).toBe('/proc/driver');
    expect(freeAnchor(listed('/etc'))).toBe('/proc/driver');
    expect(freeAnchor(listed('/proc/driver'))).toBe('/proc/fs');
    expect(freeAnchor(listed('/proc/driverx'))).toBe('/proc/driver');
  });

  it('is none where somebody watches what both are in', () => {
    for (const path of ['/', '/proc']) expect(freeAnchor(listed(path))).toBeUndefined();
  });

  it('takes no notice of what is no rule', () => {
    expect(freeAnchor([new Uint8Array(0), new Uint8Array(100)])).toBe('/proc/driver');
  });
});

it('an equivalence has two lengths, then two paths', () => {
  expect(Buffer.from(encodeEquivalence('/a', '/ü'))).toEqual(
    Buffer.concat([Buffer.from([2, 0, 0, 0, 3, 0, 0, 0]), Buffer.from('/a/ü')]),
  );
});

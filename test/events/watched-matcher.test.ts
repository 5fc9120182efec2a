import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { patternExpression, WatchedMatcher } from '../../src/events/watched-matcher.ts';

const matcher = (included: Record<string, string[]>, excluded: Record<string, string[]> = {}) => {
  const list = (paths: Record<string, string[]>) =>
    Object.entries(paths).flatMap(([category, patterns]) => patterns.map(pattern => ({ category, pattern })));
  return new WatchedMatcher({ included: list(included), excluded: list(excluded) });
};

describe('WatchedMatcher', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['/etc/passwd', ['/etc/passwd'], ['/etc/passwd-', '/etc', '/etc/passwd/x']],
    ['/etc/%', ['/etc/a'], ['/etc', '/etc/a/b']],
    ['/etc/%%', ['/etc/a', '/etc/a/b/c'], ['/etc', '/etcetera']],
    ['/etc/*.conf', ['/etc/a.conf'], ['/etc/a.confx', '/etc/b/a.conf']],
    ['/home/%/.ssh/%%', ['/home/a/.ssh/id', '/home/b/.ssh/x/y'], ['/home/a/b/.ssh/id', '/home/.ssh/id']],
    ['/home/*/.bashrc', ['/home/a/.bashrc'], ['/home/a/bashrc', '/home/a/b/.bashrc']],
    ['/a/?[bc]', ['/a/xb', '/a/xc'], ['/a/xd', '/a/b']],
    ['/a/[!b]', ['/a/c'], ['/a/b']],
    ['/{usr,opt}/bin/%', ['/usr/bin/x', '/opt/bin/y'], ['/var/bin/x']],
    ['/a(b)+/%', ['/a(b)+/x'], ['/ab/x']],
    ['/%%', ['/x', '/x/y'], []],
  ])('%s', (pattern, matching, others) => {
    const paths = matcher({ it: [pattern] });
    for (const path of matching) expect(paths.categoryOf(path), path).toBe('it');
    for (const path of others) expect(paths.categoryOf(path), path).toBeUndefined();
  });

  it('excludes within a category only', () => {
    const paths = matcher({ a: ['/etc/%%'], b: ['/etc/ssl/%%'] }, { a: ['/etc/ssl/%%'] });
    expect(paths.categoryOf('/etc/x')).toBe('a');
    expect(paths.categoryOf('/etc/ssl/x')).toBe('b');
    expect(matcher({ a: ['/etc/%%'] }, { a: ['/etc/x'] }).categoryOf('/etc/x')).toBeUndefined();
  });

  it('knows where patterns are', () => {
    const paths = matcher({ a: ['/etc/*.conf', '/var/log/x'] });
    expect(paths.knows('/etc/a/b')).toBe(true);
    expect(paths.knows('/var/log/y')).toBe(true);
    expect(paths.knows('/usr/x')).toBe(false);
  });

  it('finds one of 100,000 paths', () => {
    const paths = matcher({ a: Array.from({ length: 100_000 }, (_, i) => `/data/${i % 100}/${i}`) });
    expect(paths.categoryOf('/data/99/99999')).toBe('a');
    expect(paths.categoryOf('/data/98/99999')).toBeUndefined();
  });

  it('takes any text as a pattern', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (pattern, path) => {
        expect(() => matcher({ a: [`/${pattern}`] }).categoryOf(`/${path}`)).not.toThrow();
      }),
    );
  });

  it('takes what is no wildcard as it is', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z.+^$()|\\ -]{1,20}$/), text => {
        expect(patternExpression(`/${text}`).test(`/${text}`)).toBe(true);
        expect(patternExpression(`/${text}`).test(`/${text}x`)).toBe(false);
      }),
    );
  });
});

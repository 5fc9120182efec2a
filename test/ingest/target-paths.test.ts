import { describe, expect, it } from 'vitest';
import { TargetPaths } from '../../src/ingest/target-paths.ts';

const exec = (pid: number, comm: string, path: string) => ({ action: 'exec', pid, comm, path }) as const;
const target = (pid: number, comm: string | undefined) => ({ pid, comm, signal: 15 });

describe('TargetPaths', () => {
  it('is what procfs shows of the process that has the name', () => {
    const paths = new TargetPaths({ comm: () => 'sleep', path: () => '/bin/sleep' });
    expect(paths.pathOf(target(7, 'sleep'))).toBe('/bin/sleep');
    expect(paths.pathOf(target(7, 'cat'))).toBeUndefined();
    expect(paths.pathOf(target(7, undefined))).toBeUndefined();
  });

  it('is what was executed last where the process is gone', () => {
    const paths = new TargetPaths({ comm: () => undefined, path: () => undefined });
    paths.see(exec(7, 'sh', '/bin/sh'));
    paths.see(exec(7, 'sleep', '/bin/sleep'));
    paths.see({ ...exec(8, 'x', '/bin/x'), action: 'kill' });
    expect(paths.pathOf(target(7, 'sleep'))).toBe('/bin/sleep');
    // The number is another process's by now, or the process another program's.
    expect(paths.pathOf(target(7, 'sh'))).toBeUndefined();
    expect(paths.pathOf(target(8, 'x'))).toBeUndefined();
  });

  it('remembers the newest, and no more than twice as many', () => {
    const paths = new TargetPaths(undefined);
    const count = 16_384;
    for (let pid = 1; pid <= 3 * count; pid++) paths.see(exec(pid, 'x', `/bin/${pid}`));
    expect(paths.pathOf(target(count, 'x'))).toBeUndefined();
    for (const pid of [count + 1, 2 * count, 2 * count + 1, 3 * count])
      expect(paths.pathOf(target(pid, 'x'))).toBe(`/bin/${pid}`);
    // Of the same process what came last counts, wherever it is remembered.
    paths.see(exec(2 * count, 'y', '/bin/y'));
    expect(paths.pathOf(target(2 * count, 'y'))).toBe('/bin/y');
    expect(paths.pathOf(target(2 * count, 'x'))).toBeUndefined();
  });
});

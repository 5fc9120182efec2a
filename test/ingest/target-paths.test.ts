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

  it('remembers no more than so many', () => {
    const paths = new TargetPaths(undefined);
    for (let pid = 1; pid <= 16_385; pid++) paths.see(exec(pid, 'x', `/bin/${pid}`));
    expect(paths.pathOf(target(1, 'x'))).toBeUndefined();
    expect(paths.pathOf(target(2, 'x'))).toBe('/bin/2');
    expect(paths.pathOf(target(16_385, 'x'))).toBe('/bin/16385');
  });
});

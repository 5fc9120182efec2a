import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { unless, whyNotLinux } from '../unless.ts';

const MODULE = new URL('../../src/runtime/inherited-descriptors.ts', import.meta.url).href;

/** The descriptors of a program that this one runs, when itself it was given some high ones. */
const descriptorsOfProgram = (before: string): number[] => {
  const script = `
    ${before}
    const { spawnSync } = await import('node:child_process');
    process.stdout.write(spawnSync('/bin/ls', ['/proc/self/fd'], { stdio: ['ignore', 'pipe', 'inherit'] }).stdout);`;
  const node = [process.execPath, '--conditions=source', '--input-type=module', '-e', script];
  const listed = execFileSync('/bin/bash', [
    '-c',
    'exec 40</etc/passwd 777</etc/passwd; exec "$@"',
    'bash',
    ...node,
  ]);
  return listed.toString().trim().split('\n').map(Number);
};

describe('descriptors that this program was given', unless(whyNotLinux), () => {
  test('go to no program that it runs', () => {
    expect(descriptorsOfProgram('')).toEqual(expect.arrayContaining([40, 777]));
    const kept = descriptorsOfProgram(`(await import(${JSON.stringify(MODULE)})).keepDescriptors();`);
    // The last is that of the list.
    expect(kept.sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
  });
});

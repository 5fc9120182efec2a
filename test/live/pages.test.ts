/** Runs the commands of the pages that record the kernel's events. */
import { expect, test } from 'vitest';
import { pagePaths, readPage } from '../pages/all-pages.ts';
import { consoleBlock, fencesOf, withoutNumbers } from '../pages/console-blocks.ts';
import { runLine } from '../pages/run-commands.ts';
import { unless } from '../unless.ts';
import { auditIsFree, auditState, whyNotLive } from './kernel-audit.ts';

const lines = pagePaths().flatMap(path =>
  fencesOf(readPage(path)).flatMap(fence => {
    const block = consoleBlock(fence);
    return block?.truth.kind === 'live' ? block.commands.map(command => ({ path, ...command })) : [];
  }),
);

test.each(lines)('$path:$from: $line', unless(whyNotLive), async ({ line, output }) => {
  await auditIsFree();
  const before = await auditState();
  const { output: now, problem } = runLine(line);
  expect(problem).toBeUndefined();
  expect(withoutNumbers(now)).toBe(withoutNumbers(output));
  expect(await auditState()).toEqual(before);
});

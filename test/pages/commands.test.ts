/** Runs the commands of the pages that need no kernel audit. */
import { describe, expect, test } from 'vitest';
import { pagePaths, readPage } from './all-pages.ts';
import { consoleBlock, fencesOf } from './console-blocks.ts';
import { runLine } from './run-commands.ts';

const lines = pagePaths().flatMap(path =>
  fencesOf(readPage(path)).flatMap(fence => {
    const block = consoleBlock(fence);
    return block?.truth.kind === 'run' ? block.commands.map(command => ({ path, ...command })) : [];
  }),
);

describe('what the pages say a command prints', () => {
  test.each(lines)('$path:$from: $line', ({ line, output }) => {
    const { output: now, problem } = runLine(line);
    expect(problem).toBeUndefined();
    expect(now, 'npm run pages:outputs').toBe(output);
  });
});

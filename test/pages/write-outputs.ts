/**
 * Writes what the commands of the pages print into the pages: `npm run pages:outputs`, with `-- --live` and
 * as root also of those on the live kernel. Look at what changed before you keep it.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pagePaths, readPage, root } from './all-pages.ts';
import { consoleBlock, fencesOf, withoutNumbers } from './console-blocks.ts';
import { runLine } from './run-commands.ts';

const isLiveToo = process.argv.includes('--live');
for (const path of pagePaths()) {
  const lines = readPage(path).split('\n');
  const commands = fencesOf(lines.join('\n')).flatMap(fence => {
    const block = consoleBlock(fence);
    const isWanted = block?.truth.kind === 'run' || (block?.truth.kind === 'live' && isLiveToo);
    return isWanted
      ? block.commands.map(command => ({ ...command, isLive: block.truth.kind === 'live' }))
      : [];
  });
  for (const { line, output, from, to, isLive } of commands.reverse()) {
    const { output: now, problem } = runLine(line);
    if (problem !== undefined) throw new Error(`${path}: ${problem}`);
    if (isLive ? withoutNumbers(now) === withoutNumbers(output) : now === output) continue;
    lines.splice(from - 1, to - from, ...(now === '' ? [] : now.split('\n')));
    console.log(`${path}: ${line}`);
  }
  writeFileSync(join(root, path), lines.join('\n'));
}

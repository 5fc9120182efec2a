/*
 * Proves that the pages say what a newcomer sees: `npm run prove:pages -- [--page PATH]… [--directory DIR]`, as root,
 * with Debian's debootstrap. It makes a minimal Debian 13 with Debian's nodejs and npm, clones the last commit into it,
 * and there runs the commands of README.md and of each page in their order: those behind `$` as an ordinary user,
 * those behind `#` as root. What a command prints has to be what stands below it.
 *
 * Prints a line for each command; ends with status 1 if one did not do what the page says.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { pagePaths, root as project, readPage } from '../../pages/all-pages.ts';
import { consoleBlock, fencesOf } from '../../pages/console-blocks.ts';
import { type FreshRoot, makeFreshRoot, readRegistries, required } from './fresh-root.ts';

const run = promisify(execFile);
const CLONE = '/srv/osquery-audit-events';
/** The mark of blocks that only this runs. */
const OWN = 'prove:pages';

const { values: flags } = parseArgs({
  options: {
    page: { type: 'string', multiple: true, default: [] },
    directory: { type: 'string', default: '/var/tmp' },
  },
});

const skipped = (why: string): never => {
  console.log(`prove:pages: skipped: ${why}`);
  process.exit(0);
};
if (process.geteuid?.() !== 0) skipped('it takes root to make a system in a directory');
if (!['/usr/sbin/debootstrap', '/usr/bin/debootstrap'].some(path => existsSync(path))) {
  skipped('debootstrap is not installed (Debian: apt-get install debootstrap)');
}

/** The README first: it installs what the others use. */
const commandsOf = (checkout: string) =>
  pagePaths(checkout)
    .filter(path => path === 'README.md' || flags.page.length === 0 || flags.page.includes(path))
    .flatMap(path =>
      fencesOf(readPage(path, checkout)).flatMap(fence => {
        const block = consoleBlock(fence);
        const isOwn = block?.truth.kind === 'by' && block.truth.script === OWN;
        return block?.truth.kind === 'run' || isOwn
          ? block.commands.map(command => ({ path, isOwn, ...command }))
          : [];
      }),
    );

const tryAll = async (root: FreshRoot): Promise<boolean> => {
  let isRight = true;
  for (const { path, isOwn, line, isRoot, output } of commandsOf(join(root.path, CLONE))) {
    const { status, stdout, stderr, seconds } = await root.run(`(${line}) </dev/null`, {
      user: isRoot ? 'root' : 'tester',
      directory: CLONE,
    });
    const printed = stdout.replace(/\n$/, '');
    // What these print depends on the machine, unless the page shows it.
    const isAsSaid = status === 0 && (printed === output || (isOwn && output === ''));
    console.log(`${isAsSaid ? 'ok' : 'NO'} ${seconds.toFixed(1)} s ${path}: ${isRoot ? '#' : '$'} ${line}`);
    if (!isAsSaid) console.log(`status ${status}\n${stderr.slice(-4_000)}\n${printed.slice(-4_000)}`);
    isRight &&= isAsSaid;
  }
  return isRight;
};

const scratch = await mkdtemp(join(flags.directory, 'prove-pages-'));
await chmod(scratch, 0o755);
try {
  const registries = await readRegistries();
  const packages = ['nodejs', 'npm'];
  const root = await makeFreshRoot({ suite: 'trixie', packages, registries, parent: scratch });
  await run('git', ['clone', '--quiet', '--no-hardlinks', project, join(root.path, CLONE)]);
  await required(root, `chown -R tester: ${CLONE}`);
  // The host of the README has osquery; its setup and doctor only look for the file.
  await required(root, `printf '#!/bin/sh\\n' >/usr/bin/osqueryd && chmod 755 /usr/bin/osqueryd`);
  process.exitCode = (await tryAll(root)) ? 0 : 1;
} finally {
  await rm(scratch, { recursive: true, force: true });
}

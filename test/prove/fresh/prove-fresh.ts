/*
 * Proves that the README's commands work on a fresh machine: `npm run prove:fresh -- [--case NAME]… [--test] [--live]
 * [--directory DIR]`, as root, with Debian's debootstrap. For each case it makes a minimal Debian, clones the last commit
 * into it, and runs `npm ci` and `npm start` as root and as an ordinary user; with --test the whole of `npm test` as the
 * ordinary user, too. root's `npm start` shows recorded events, with --live those of the kernel: then nobody else may have
 * the audit socket.
 *
 * Prints a table; ends with status 1 if something did not work, or a newcomer would have had to think about a line.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { type FreshCase, freshCases, notNeeded } from './fresh-cases.ts';
import {
  type FreshRoot,
  installNode,
  makeFreshRoot,
  programs,
  readRegistries,
  required,
} from './fresh-root.ts';
import { unexpectedLines } from './unexpected-lines.ts';

const run = promisify(execFile);
const project = fileURLToPath(new URL('../../..', import.meta.url));
const CLONE = '/srv/osquery-audit-events';

const { values: flags } = parseArgs({
  options: {
    case: { type: 'string', multiple: true, default: [] },
    test: { type: 'boolean', default: false },
    live: { type: 'boolean', default: false },
    directory: { type: 'string', default: '/var/tmp' },
  },
});

const skipped = (why: string): never => {
  console.log(`prove:fresh: skipped: ${why}`);
  process.exit(0);
};
if (process.geteuid?.() !== 0) skipped('it takes root to make a system in a directory');
if (!['/usr/sbin/debootstrap', '/usr/bin/debootstrap'].some(path => existsSync(path))) {
  skipped('debootstrap is not installed (Debian: apt-get install debootstrap)');
}
const cases = freshCases.filter(({ name }) => flags.case.length === 0 || flags.case.includes(name));
if (cases.length === 0) {
  throw new Error(`--case: expected ${freshCases.map(({ name }) => name).join(', ')}, got ${flags.case}`);
}

const SQL = 'SELECT count(*) AS n FROM process_events';

/** Runs the README's commands; returns one cell for each, and what was wrong. */
const tryAs = async (root: FreshRoot, user: 'root' | 'tester'): Promise<[string[], string[]]> => {
  const cells: string[] = [];
  const problems: string[] = [];
  const attempt = async (line: string, check: (stdout: string, stderr: string) => readonly string[]) => {
    const { status, stdout, stderr, seconds } = await root.run(line, { user, directory: CLONE });
    cells.push(`${seconds.toFixed(1)} s`);
    const found = status === 0 ? check(stdout, stderr) : [`status ${status}`, stderr, stdout.slice(-4_000)];
    if (found.length > 0) problems.push(`as ${user}: ${line}: ${found.join('\n  ')}`);
  };
  await required(root, `rm -rf ${CLONE}/node_modules && chown -R ${user}: ${CLONE}`);
  await attempt('npm ci', (stdout, stderr) => [...unexpectedLines(stdout), ...unexpectedLines(stderr)]);
  const replay = user === 'root' && !flags.live ? '--replay fixtures/exec.log ' : '';
  await attempt(`npm start -- ${replay}"${SQL}"`, stdout =>
    /^\| n +\|$/m.test(stdout) ? [] : ['expected a table with the number of rows', stdout],
  );
  if (flags.test && user === 'tester') await attempt('npm test', () => []);
  return [cells, problems];
};

const tryCase = async (wanted: FreshCase, scratch: string): Promise<boolean> => {
  const registries = await readRegistries();
  const root = await makeFreshRoot({ ...wanted, registries, parent: scratch });
  try {
    if (wanted.versions !== undefined) await installNode(root, wanted.versions, scratch);
    await run('git', ['clone', '--quiet', '--no-hardlinks', project, join(root.path, CLONE)]);
    const present = await programs(root);
    const needless = notNeeded.filter(name => present.has(name));
    const versions = await required(root, 'echo "$(node --version), npm $(npm --version)"');
    const problems = needless.length === 0 ? [] : [`expected a root without ${needless.join(', ')}`];
    for (const user of ['root', 'tester'] as const) {
      const [cells, found] = await tryAs(root, user);
      problems.push(...found);
      console.log(`| ${[wanted.name, versions, user, ...cells].join(' | ')} |`);
    }
    for (const problem of problems) console.log(`problem: ${wanted.name}: ${problem}`);
    return problems.length === 0;
  } finally {
    await root.remove();
  }
};

const scratch = await mkdtemp(join(flags.directory, 'prove-fresh-'));
await chmod(scratch, 0o755);
try {
  console.log(
    `| machine | Node of the machine | as | npm ci | npm start |${flags.test ? ' npm test |' : ''}`,
  );
  console.log(`|---|---|---|---|---|${flags.test ? '---|' : ''}`);
  let isRight = true;
  for (const wanted of cases) isRight = (await tryCase(wanted, scratch)) && isRight;
  process.exitCode = isRight ? 0 : 1;
} finally {
  await rm(scratch, { recursive: true, force: true });
}

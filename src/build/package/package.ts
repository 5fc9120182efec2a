/**
 * Makes the packages: `npm run package -- [--arch amd64|arm64]… [--output DIRECTORY]`. For each architecture: a .deb,
 * an .rpm, a .tar.gz and a bill of materials; and SHA256SUMS of all of them. It needs dpkg-deb, rpmbuild (package
 * rpm) and strip (binutils). For an architecture other than this machine's it also needs qemu-user-static, the
 * binutils of that architecture, and its libstdc++ (libstdc++6-arm64-cross).
 *
 * The same commit gives the same bytes: every time in the packages is SOURCE_DATE_EPOCH or, without it, the commit's
 * time.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import manifest from '../../../package.json' with { type: 'json' };
import { buildExecutable } from '../build-executable.ts';
import { installedNode } from '../node-binary.ts';
import { type Architecture, architectures } from './architectures.ts';
import { makeDeb, makeRpm, makeTar } from './make-packages.ts';
import { billOfMaterials, installProduction } from './production-modules.ts';
import { type Release, stageTree } from './stage-tree.ts';
import { tryExecutable } from './try-executable.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const { values: flags } = parseArgs({
  options: {
    arch: { type: 'string', multiple: true, default: architectures.map(({ deb }) => deb) },
    output: { type: 'string', default: join(root, 'dist', 'packages') },
  },
});
const output = resolve(flags.output);

const chosen = flags.arch.map(name => {
  const known = architectures.find(({ deb, rpm, node }) => [deb, rpm, node as string].includes(name));
  if (known !== undefined) return known;
  throw new Error(`--arch: expected ${architectures.map(({ deb }) => deb).join(' or ')}, got ${name}`);
});

const commitTime = async (): Promise<number> =>
  Number((await run('git', ['log', '-1', '--format=%ct'], { cwd: root })).stdout.trim());

const note = (text: string): void => console.warn(`package: ${text}`);

const packageFor = async (architecture: Architecture, release: Release): Promise<readonly string[]> => {
  // The native parts and Node are installed into this directory, in the same way for every architecture.
  const scratch = await mkdtemp(join(output, '.build-'));
  try {
    const modules = await installProduction(root, architecture, join(scratch, 'install'));
    const bill = await billOfMaterials(join(scratch, 'install'), release.epoch);
    const executable = join(scratch, 'osquery-audit-events.ext');
    const node = await installedNode(modules, architecture.node);
    await buildExecutable({ root, arch: architecture.node, node, modules, output: executable, note });
    await tryExecutable({ root, executable, emulator: node.emulator, version: release.version });
    const tree = join(scratch, 'tree');
    await stageTree(tree, { release, architecture, executable, bill });
    const billFile = join(output, `osquery-audit-events_${release.version}_${architecture.deb}.cdx.json`);
    await writeFile(billFile, bill);
    const options = { release, architecture, tree, scratch, output };
    return [await makeDeb(options), await makeRpm(options), await makeTar(options), billFile];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};

const sha256 = async (path: string): Promise<string> => {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece);
  return hash.digest('hex');
};

await mkdir(output, { recursive: true });
const epoch = Number(process.env.SOURCE_DATE_EPOCH || (await commitTime()));
const release = { root, version: manifest.version, epoch };
const made: string[] = [];
for (const architecture of chosen) made.push(...(await packageFor(architecture, release)));
const sums: string[] = [];
for (const path of made.sort()) {
  sums.push(`${await sha256(path)}  ${basename(path)}`);
  console.log(`${path}: ${((await stat(path)).size / 1e6).toFixed(1)} MB`);
}
await writeFile(join(output, 'SHA256SUMS'), `${sums.join('\n')}\n`);

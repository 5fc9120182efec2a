import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.ts';
import { replacements } from './replacements.ts';
import { makeSingleExecutable } from './single-executable.ts';

/*
 * Builds the extension's one file: `npm run build:ext [-- --output FILE]`.
 */

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const { values } = parseArgs({ options: { output: { type: 'string' } } });
const output = resolve(values.output ?? join(root, 'dist', 'osquery-audit-events.ext'));
/** osquery takes no extension that others can write to, or that its owner cannot execute. */
const MODE = 0o755;

const { platform, arch } = process;
if (platform !== 'linux' || (arch !== 'x64' && arch !== 'arm64')) {
  throw new Error(
    `expected Linux on x64 or arm64, for which there are node binaries in npm, got ${platform} on ${arch}`,
  );
}
if (!output.endsWith('.ext')) {
  throw new Error(`--output: expected a file name that ends in .ext, as osquery does, got ${output}`);
}
const modules = join(root, 'node_modules');
const node = join(modules, `node-linux-${arch}`, 'bin', 'node');
await stat(node).catch(cause => {
  throw new Error(`expected ${node}: run npm ci, without --omit=optional`, { cause });
});

const { main, workers, used } = await bundle({
  root,
  entry: 'src/cli/main.ts',
  replacements: replacements(arch),
});

await mkdir(dirname(output), { recursive: true });
// On the same file system, so that the finished file takes its place at once, even of one that runs.
const scratch = await mkdtemp(join(dirname(output), '.build-'));
try {
  const assets = new Map<string, string>();
  for (const [name, code] of workers) {
    assets.set(name, join(scratch, name));
    await writeFile(join(scratch, name), code);
  }
  for (const { asset } of used) {
    if (asset !== undefined) assets.set(asset.name, join(modules, asset.file));
  }
  const made = await makeSingleExecutable({
    node,
    main,
    assets: new Map([...assets].sort()),
    scratch,
    note: text => console.warn(`build:ext: ${text}`),
  });
  // Written in small pieces, as a copy is: in the page cache a file stays in the pieces in which it was written, and of
  // a piece of 2 MB, which is what one large write makes, Linux 6.18 maps all when one byte is read.
  const inPieces = join(scratch, 'in-pieces');
  await pipeline(createReadStream(made), createWriteStream(inPieces));
  await chmod(inPieces, MODE);
  await rename(inPieces, output);
} finally {
  await rm(scratch, { recursive: true, force: true });
}
const { size } = await stat(output);
console.log(`${output}: ${(size / 1e6).toFixed(1)} MB, for Linux on ${arch} with glibc`);

import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildExecutable } from './build-executable.ts';
import { elfNeeds, newestVersion } from './elf-needs.ts';
import { measureStart } from './measure-start.ts';
import { installedNode } from './node-binary.ts';

/*
 * Builds the extension's one file: `npm run build:ext [-- --output FILE]`.
 */

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const { values } = parseArgs({ options: { output: { type: 'string' } } });
const output = resolve(values.output ?? join(root, 'dist', 'osquery-audit-events.ext'));

const { platform, arch } = process;
if (platform !== 'linux' || (arch !== 'x64' && arch !== 'arm64')) {
  throw new Error(
    `expected Linux on x64 or arm64 (npm has node binaries for these), got ${platform} on ${arch}`,
  );
}
if (!output.endsWith('.ext')) {
  throw new Error(`--output: expected a file name that ends in .ext, as osquery does, got ${output}`);
}
const modules = join(root, 'node_modules');
const node = await installedNode(modules, arch);
const note = (text: string) => console.warn(`build:ext: ${text}`);
await buildExecutable({ root, arch, node, modules, output, note });

const bytes = await readFile(output);
const glibc = newestVersion(elfNeeds(bytes), 'GLIBC_');
// The first start reads the file from disk, and other processes may use the CPU. The fastest start is the program's
// own cost.
const starts: number[] = [];
for (let attempt = 0; attempt < 5; attempt++) starts.push(await measureStart(output));
const fastest = Math.min(...starts).toFixed(0);
console.log(
  `${output}: ${(bytes.length / 1e6).toFixed(1)} MB, for Linux on ${arch} with glibc ${glibc}; registers with core after ${fastest} ms where no events are read (fastest of ${starts.length})`,
);

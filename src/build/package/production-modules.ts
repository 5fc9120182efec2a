import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Architecture } from './architectures.ts';

const run = promisify(execFile);
/** Longest bill of materials. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Installs the program's production packages for one architecture into a directory, in the versions of the lock file.
 * Returns the path of its node_modules.
 */
export const installProduction = async (
  root: string,
  { node }: Architecture,
  directory: string,
): Promise<string> => {
  const workspace = join('src', 'osquery-extension-ts');
  await mkdir(join(directory, workspace), { recursive: true });
  for (const file of ['package.json', 'package-lock.json', '.npmrc', join(workspace, 'package.json')]) {
    await copyFile(join(root, file), join(directory, file));
  }
  const target = ['--os=linux', `--cpu=${node}`, '--libc=glibc'];
  await run('npm', ['ci', '--omit=dev', ...target], { cwd: directory, maxBuffer: MAX_BYTES });
  const modules = join(directory, 'node_modules');
  await stat(join(modules, `node-linux-${node}`)).catch(cause => {
    throw new Error(`expected npm to install node-linux-${node}: use npm 10 or later, which has --cpu`, {
      cause,
    });
  });
  return modules;
};

/**
 * The bill of materials of a directory made by `installProduction`, as CycloneDX JSON. The same packages give the
 * same bytes.
 */
export const billOfMaterials = async (directory: string, epoch: number): Promise<string> => {
  // npm would complain about build packages that are not installed, and write nothing.
  const file = join(directory, 'package.json');
  const { devDependencies, ...manifest } = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, JSON.stringify(manifest));
  const args = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--omit=dev'];
  const { stdout } = await run('npm', args, { cwd: directory, maxBuffer: MAX_BYTES }).catch(async error => {
    if (!/unknown command/i.test(String(error.stdout))) throw error;
    const { stdout: version } = await run('npm', ['--version']);
    throw new Error(
      `expected an npm that can write a bill of materials, as npm 10 can, got npm ${version.trim()}`,
    );
  });
  const bill = JSON.parse(stdout);
  // npm names the document after the directory.
  bill.metadata.component.name = manifest.name;
  // A random number for this one document: it would differ in every build.
  delete bill.serialNumber;
  bill.metadata.timestamp = new Date(epoch * 1000).toISOString();
  // The version of npm that wrote the document says nothing about the packages.
  delete bill.metadata.tools;
  return `${JSON.stringify(bill, null, 2)}\n`;
};

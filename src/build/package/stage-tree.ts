import { chmod, copyFile, cp, mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { PROGRAM } from '../../runtime/program-name.ts';
import type { Architecture } from './architectures.ts';
import { manPages } from './man-pages.ts';
import { shippedPages } from './shipped-pages.ts';

/** The inputs of a release, besides its executables. */
export interface Release {
  /** Absolute path of the project. */
  readonly root: string;
  readonly version: string;
  /** Modification time of all files, in seconds since 1970, so that two builds give the same bytes. */
  readonly epoch: number;
}

export interface TreeParts {
  readonly release: Release;
  readonly architecture: Architecture;
  /** The executable's path. */
  readonly executable: string;
  /** The bill of materials, as JSON. */
  readonly bill: string;
}

const FILE_MODE = 0o644;
const PROGRAM_MODE = 0o755;
const EXECUTABLE = 'usr/lib/osquery/extensions/osquery-audit-events.ext';
const SHARE = `usr/share/${PROGRAM}`;
const DOC = `usr/share/doc/${PROGRAM}`;

/** A file of src/build/package/files, with the placeholders between `@` filled in. */
export const template = async (name: string, values: Readonly<Record<string, string>>): Promise<string> => {
  const text = await readFile(fileURLToPath(new URL(`./files/${name}`, import.meta.url)), 'utf8');
  return text.replace(/@([A-Z]+)@/g, (_, key: string) => {
    const value = values[key];
    if (value === undefined) throw new Error(`${name}: expected a value for @${key}@`);
    return value;
  });
};

/** Lays the files out below `tree` as they will lie on a server. */
export const stageTree = async (tree: string, parts: TreeParts): Promise<void> => {
  const { release, architecture, executable, bill } = parts;
  const { root, version, epoch } = release;
  const put = async (path: string, content: string | Uint8Array, mode = FILE_MODE): Promise<void> => {
    await mkdir(join(tree, dirname(path)), { recursive: true });
    await writeFile(join(tree, path), content, { mode });
    await chmod(join(tree, path), mode);
  };
  const copy = async (from: string, path: string): Promise<void> =>
    put(path, await readFile(join(root, from)));

  await mkdir(join(tree, dirname(EXECUTABLE)), { recursive: true });
  await copyFile(executable, join(tree, EXECUTABLE));
  await chmod(join(tree, EXECUTABLE), PROGRAM_MODE);
  const start = await template('osquery-audit-events.sh', { LOADER: architecture.loader });
  await put(`usr/bin/${PROGRAM}`, start, PROGRAM_MODE);

  await copy('osquery.flags', `${SHARE}/osquery.flags`);
  await cp(join(root, 'tables/packs'), join(tree, SHARE, 'packs'), { recursive: true });
  await put(`${SHARE}/systemd/osquery-audit-events.conf`, await template('drop-in.conf', {}));
  for (const [path, page] of await shippedPages(root)) await put(`${DOC}/${path}`, page);
  await put(`${DOC}/changelog.gz`, gzipSync(await readFile(join(root, 'CHANGELOG.md')), { level: 9 }));
  await put(`${DOC}/copyright`, await template('copyright', {}));
  await put(`${DOC}/sbom.cdx.json`, bill);

  const date = new Date(epoch * 1000).toISOString().slice(0, 10);
  for (const [path, page] of manPages({ version, date })) {
    await put(`usr/share/man/${path}.gz`, gzipSync(page, { level: 9 }));
  }
  await settle(tree, epoch);
};

/** Sets the same modes and times everywhere, whatever the umask is. */
export const settle = async (path: string, epoch: number): Promise<void> => {
  const stats = await stat(path);
  if (stats.isDirectory()) {
    for (const name of await readdir(path)) await settle(join(path, name), epoch);
    await chmod(path, PROGRAM_MODE);
  } else {
    await chmod(path, (stats.mode & 0o111) === 0 ? FILE_MODE : PROGRAM_MODE);
  }
  await utimes(path, epoch, epoch);
};

/** Paths of the files below a directory, each with a leading slash, sorted. */
export const filesBelow = async (tree: string): Promise<readonly string[]> =>
  (await readdir(tree, { recursive: true, withFileTypes: true }))
    .filter(entry => !entry.isDirectory())
    .map(entry => join(entry.parentPath, entry.name).slice(tree.length))
    .sort();

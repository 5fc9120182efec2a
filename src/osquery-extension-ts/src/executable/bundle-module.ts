import { builtinModules } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { OsqueryError } from '../errors.ts';
import { findTool } from './find-tool.ts';

/**
 * The kind of a bundle.
 *
 * - `program`: the script of a single executable, from ES modules: `await` is allowed at the top level.
 * - `cjs`: the same from modules without such an `await`.
 * - `esm`: the module of a worker thread.
 */
export type BundleFormat = 'program' | 'cjs' | 'esm';

/** Options of a bundle. */
export interface BundleModuleOptions {
  /** Absolute path of the project. */
  readonly root: string;
  /** The first module, in the project or as an absolute path. */
  readonly entry: string;
  readonly format: BundleFormat;
  /** Node's version: "node22". */
  readonly target?: string;
  /** Of esbuild. */
  readonly plugins?: readonly object[];
  /** Conditions of packages' exports, in addition to esbuild's. */
  readonly conditions?: readonly string[];
}

const LINE_LENGTH = 160;

/** Names of Node's own modules, which a bundle does not include. */
const BUILTINS: ReadonlySet<string> = new Set(
  builtinModules.flatMap(name => (name.startsWith('node:') ? [name] : [name, `node:${name}`])),
);

/**
 * The beginning of bundles. Modules find their files through `import.meta`, which scripts do not have; packages
 * require built-in modules, which ES modules cannot.
 */
const PREAMBLES: Readonly<Record<BundleFormat, { readonly define: object; readonly banner: string }>> = {
  program: {
    define: {
      'import.meta.url': 'bundleUrl',
      'import.meta.filename': 'process.execPath',
      'import.meta.main': 'true',
    },
    banner: "const bundleUrl = process.getBuiltinModule('node:url').pathToFileURL(process.execPath).href;",
  },
  cjs: {
    define: { 'import.meta.url': 'bundleUrl' },
    banner: "const bundleUrl = require('node:url').pathToFileURL(process.execPath).href;",
  },
  esm: {
    define: {},
    banner: 'const require = name => process.getBuiltinModule(name);',
  },
};

/**
 * Makes one script of a module and all its imports.
 *
 * @throws OsqueryError OSQUERY_INVALID if esbuild or a module is missing; esbuild's own error for invalid code
 */
export const bundleModule = async (options: BundleModuleOptions): Promise<string> => {
  const { root, entry, format, target = 'node22', plugins = [], conditions = [] } = options;
  const esbuild = await loadEsbuild(join(root, 'package.json'));
  const { define, banner } = PREAMBLES[format];
  const path = isAbsolute(entry) ? entry : join(root, entry);
  const isProgram = format === 'program';
  const { metafile, outputFiles } = await esbuild.build({
    absWorkingDir: root,
    // A program exports nothing, whatever its module does.
    ...(isProgram
      ? { stdin: { contents: `import ${JSON.stringify(path)};`, resolveDir: root } }
      : { entryPoints: [path] }),
    format: format === 'cjs' ? 'cjs' : 'esm',
    define: { ...define },
    banner: { js: banner },
    bundle: true,
    platform: 'node',
    target,
    mainFields: isProgram ? ['module', 'main'] : ['main'],
    conditions: [...conditions],
    // Each process and thread keeps its source text in memory: two bytes a character if one of them is not Latin-1,
    // as some in comments are. Names stay, and lines are short, so that stack traces are useful.
    minifyWhitespace: true,
    lineLimit: LINE_LENGTH,
    plugins: [...(plugins as import('esbuild').Plugin[]), ...(isProgram ? [builtinsWithoutImport] : [])],
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const [output] = Object.values(metafile.outputs);
  // Modules that are required inside `try` may be missing, and would then be searched at run time.
  const left = output!.imports.map(({ path: name }) => name).filter(name => !BUILTINS.has(name));
  if (left.length > 0) {
    throw new OsqueryError('OSQUERY_INVALID', `${entry}: expected to bundle every module, left out ${left}`);
  }
  const { text } = outputFiles[0]!;
  // A single executable runs a script, in which `await` needs a function.
  return isProgram ? `'use strict';\n(async () => {\n${text}\n})();\n` : text;
};

const loadEsbuild = async (from: string): Promise<typeof import('esbuild')> => {
  const loaded = await import(pathToFileURL(findTool('esbuild', 'esbuild', from)).href);
  return loaded.default ?? loaded;
};

/** Loads Node's own modules without a statement that only ES modules have. */
const builtinsWithoutImport: import('esbuild').Plugin = {
  name: 'builtins-without-import',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ path }) =>
      BUILTINS.has(path) ? { path, namespace: 'builtin' } : undefined,
    );
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

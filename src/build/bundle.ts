import { builtinModules } from 'node:module';
import { relative } from 'node:path';
import { build } from 'esbuild';
import { workerAsset } from '../runtime/start-worker.ts';
import { bundlePlugin, type Findings } from './bundle-plugin.ts';
import type { Replacement } from './replacements.ts';

export interface BundleOptions {
  /** Absolute path of the project. */
  readonly root: string;
  /** The program's first module, relative to `root`. */
  readonly entry: string;
  readonly replacements: readonly Replacement[];
}

export interface Bundle {
  /** CommonJS: of a single executable's main script alone Node keeps the compiled code, and of no other kind. */
  readonly main: string;
  /** ES modules, by the names of their assets. */
  readonly workers: ReadonlyMap<string, string>;
  /** The replacements that some module made use of. */
  readonly used: ReadonlySet<Replacement>;
}

/** Names of the modules that a bundle leaves to Node. */
const BUILTINS: ReadonlySet<string> = new Set(
  builtinModules.flatMap(name => (name.startsWith('node:') ? [name] : [name, `node:${name}`])),
);

/**
 * What both kinds of bundle need at their beginning. Modules find their files through `import.meta.url`, which
 * CommonJS does not have; packages require built-in modules, which ES modules cannot.
 */
const PREAMBLES = {
  cjs: {
    define: { 'import.meta.url': 'bundleUrl' },
    banner: "const bundleUrl = require('node:url').pathToFileURL(process.execPath).href;",
  },
  esm: {
    define: {},
    banner: 'const require = name => process.getBuiltinModule(name);',
  },
} as const;

/** Makes one script of the program, and one more of each worker thread's module. */
export const bundle = async ({ root, entry, replacements }: BundleOptions): Promise<Bundle> => {
  const findings: Findings = { used: new Set(), workers: new Set() };

  const bundleModule = async (input: string, format: 'cjs' | 'esm'): Promise<string> => {
    const { define, banner } = PREAMBLES[format];
    const { metafile, outputFiles } = await build({
      absWorkingDir: root,
      entryPoints: [input],
      format,
      define,
      banner: { js: banner },
      bundle: true,
      platform: 'node',
      target: 'node24',
      mainFields: ['main'],
      conditions: ['source'],
      plugins: [bundlePlugin({ root, replacements, findings })],
      metafile: true,
      write: false,
      logLevel: 'silent',
    });
    const [output] = Object.values(metafile.outputs);
    // Modules that are required inside of `try` may be missing, and would then be looked for at run time.
    const left = output!.imports.map(({ path }) => path).filter(path => !BUILTINS.has(path));
    if (left.length > 0) throw new Error(`${input}: expected to bundle every module, left out ${left}`);
    return outputFiles[0]!.text;
  };

  const main = await bundleModule(entry, 'cjs');
  const workers = new Map<string, string>();
  // A worker may start workers of its own: the set grows while we go through it.
  for (const path of findings.workers) {
    const name = workerAsset(path);
    if (workers.has(name))
      throw new Error(`${relative(root, path)}: another worker is called ${name} already`);
    // The comment is what stack traces call it.
    workers.set(name, `${await bundleModule(path, 'esm')}\n//# sourceURL=${name}\n`);
  }
  return { main, workers, used: findings.used };
};

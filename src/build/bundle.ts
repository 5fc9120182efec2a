import { relative } from 'node:path';
import { type BundleFormat, bundleModule } from 'osquery-extension-ts/build';
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
  /** CommonJS: Node keeps compiled code only for the main script of a single executable, not for other modules. */
  readonly main: string;
  /** ES modules, by the names of their assets. */
  readonly workers: ReadonlyMap<string, string>;
  /** The replacements that at least one module used. */
  readonly used: ReadonlySet<Replacement>;
}

/** Bundles the program into one script, and the module of each worker thread into one more. */
export const bundle = async ({ root, entry, replacements }: BundleOptions): Promise<Bundle> => {
  const findings: Findings = { used: new Set(), workers: new Set() };

  const scriptOf = (input: string, format: BundleFormat): Promise<string> =>
    bundleModule({
      root,
      entry: input,
      format,
      target: 'node24',
      conditions: ['source'],
      plugins: [bundlePlugin({ root, replacements, findings })],
    });

  const main = await scriptOf(entry, 'cjs');
  const workers = new Map<string, string>();
  // A worker may start workers of its own, so the set grows during the loop.
  for (const path of findings.workers) {
    const name = workerAsset(path);
    if (workers.has(name))
      throw new Error(`${relative(root, path)}: another worker is called ${name} already`);
    // This comment sets the name that stack traces show.
    workers.set(name, `${await scriptOf(path, 'esm')}\n//# sourceURL=${name}\n`);
  }
  return { main, workers, used: findings.used };
};

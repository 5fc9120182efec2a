import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Plugin } from 'esbuild';
import type { Replacement } from './replacements.ts';

const NAMESPACE = 'replacement';

/** What bundling found. */
export interface Findings {
  readonly used: Set<Replacement>;
  /** Paths of the modules that run as worker threads. */
  readonly workers: Set<string>;
}

export interface BundlePluginOptions {
  /** Absolute path of the project. */
  readonly root: string;
  readonly replacements: readonly Replacement[];
  /** Findings are added to this. */
  readonly findings: Findings;
}

/** Puts the replacements into the bundle, and collects the modules of worker threads. */
export const bundlePlugin = ({ root, replacements, findings }: BundlePluginOptions): Plugin => {
  const source = join(root, 'src');
  const runtime = join(source, 'runtime');
  return {
    name: 'single-executable',
    setup: build => {
      build.onResolve({ filter: /./ }, ({ path, importer, namespace }) => {
        if (namespace === NAMESPACE) return undefined;
        const index = replacements.findIndex(
          known => known.specifiers.includes(path) && importer.includes(known.importer ?? ''),
        );
        return index < 0 ? undefined : { path: String(index), namespace: NAMESPACE };
      });
      build.onLoad({ filter: /./, namespace: NAMESPACE }, ({ path }) => {
        const replacement = replacements[Number(path)]!;
        findings.used.add(replacement);
        return { contents: replacement.source(runtime), resolveDir: root };
      });
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (!path.startsWith(source) || path === join(runtime, 'start-worker.ts')) return undefined;
        const contents = await readFile(path, 'utf8');
        for (const [, file] of contents.matchAll(WORKER_ENTRY)) {
          findings.workers.add(join(dirname(path), file!));
        }
        if (/\bnew Worker\(/.test(contents)) {
          const text = 'expected startWorker of src/runtime/start-worker.ts, got new Worker: it needs a file';
          return { errors: [{ text, location: { file: path } }] };
        }
        return { contents, loader: 'ts' };
      });
    },
  };
};

/** The first argument of startWorker. */
const WORKER_ENTRY = /new URL\('(\.\/[\w/-]+-worker\.ts)', import\.meta\.url\)/g;

import { join } from 'node:path';
import { type Asset, type NodeBinary, writeExecutable } from 'osquery-extension-ts/build';
import { V8_OPTIONS } from '../runtime/v8-options.ts';
import { SHIPPED_FILES } from '../setup/shipped-files.ts';
import { bundle } from './bundle.ts';
import { replacements } from './replacements.ts';

export interface BuildOptions {
  /** Absolute path of the project. */
  readonly root: string;
  /** Architecture of the target machines, as `process.arch` names it. */
  readonly arch: 'x64' | 'arm64';
  readonly node: NodeBinary;
  /** The node_modules with that architecture's native parts. */
  readonly modules: string;
  /** Absolute path of the file to make. */
  readonly output: string;
  readonly note: (text: string) => void;
}

/** Thrift prints this warning. Node suppresses it only for packages inside node_modules. */
const NODE_OPTIONS = ['--disable-warning=DEP0005', ...V8_OPTIONS];

/** Builds the extension's single executable. The same sources and packages give the same bytes. */
export const buildExecutable = async (options: BuildOptions): Promise<void> => {
  const { root, arch, node, modules, output, note } = options;
  const { main, workers, used } = await bundle({
    root,
    entry: 'src/cli/main.ts',
    replacements: replacements(arch),
  });
  const assets = new Map<string, Asset>();
  for (const [name, text] of workers) assets.set(name, { text });
  for (const { asset } of used) {
    if (asset !== undefined) assets.set(asset.name, { file: join(modules, asset.file) });
  }
  for (const [name, file] of SHIPPED_FILES) assets.set(name, { file: join(root, file) });
  const inOrder = new Map([...assets].sort(([one], [other]) => (one < other ? -1 : 1)));
  await writeExecutable({ node, main, assets: inOrder, execArgv: NODE_OPTIONS, note }, output);
};

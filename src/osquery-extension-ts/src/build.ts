/**
 * Makes an extension into one executable file. Needs the packages `esbuild` and `postject`.
 *
 * @packageDocumentation
 */
import './node-version.ts';

export type { BuildExtensionOptions, BuiltExtension } from './executable/build-extension.ts';
export { buildExtension } from './executable/build-extension.ts';
export type { BundleFormat, BundleModuleOptions } from './executable/bundle-module.ts';
export { bundleModule } from './executable/bundle-module.ts';
export type { Asset, NodeBinary, SingleExecutableOptions } from './executable/single-executable.ts';
export { writeExecutable } from './executable/write-executable.ts';

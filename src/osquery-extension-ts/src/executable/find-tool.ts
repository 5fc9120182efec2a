import { createRequire } from 'node:module';
import { OsqueryError } from '../errors.ts';

/** Packages that only builds need; whoever builds installs them. */
export type Tool = 'esbuild' | 'postject';

/**
 * A module of a tool, from the project being built or from this package.
 *
 * @param from a file of the project
 * @throws OsqueryError OSQUERY_INVALID if it is not installed
 */
export const findTool = (tool: Tool, module: string, from: string): string => {
  for (const base of [from, import.meta.url]) {
    try {
      return createRequire(base).resolve(module);
    } catch {
      // The other place may have it.
    }
  }
  throw new OsqueryError(
    'OSQUERY_INVALID',
    `expected the package ${tool}, which builds need, and found none from ${from}: npm install --save-dev esbuild postject`,
  );
};

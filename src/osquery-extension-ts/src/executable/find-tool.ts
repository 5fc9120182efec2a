import { createRequire } from 'node:module';
import { OsqueryError } from '../errors.ts';

/** What builds need and extensions do not: installed by who builds. */
export type Tool = 'esbuild' | 'postject';

/**
 * A module of a tool, as the project has it that is built, or this package.
 *
 * @param from a file of the project
 * @throws OsqueryError OSQUERY_INVALID if it is not installed
 */
export const findTool = (tool: Tool, module: string, from: string): string => {
  for (const base of [from, import.meta.url]) {
    try {
      return createRequire(base).resolve(module);
    } catch {
      // The other may have it.
    }
  }
  throw new OsqueryError(
    'OSQUERY_INVALID',
    `expected the package ${tool}, which builds need, found none from ${from}: npm install --save-dev esbuild postject`,
  );
};

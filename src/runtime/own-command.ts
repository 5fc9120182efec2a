import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';

/** How to start a program: `args` come before all others. */
export interface ProgramStart {
  readonly path: string;
  readonly args: readonly string[];
}

/** How to start this program once more. */
export const ownCommand = (): ProgramStart => {
  if (isSea()) return { path: process.execPath, args: [] };
  const main = new URL(
    import.meta.url.endsWith('.ts') ? '../cli/main.ts' : '../cli/main.js',
    import.meta.url,
  );
  return { path: process.execPath, args: [...process.execArgv, fileURLToPath(main)] };
};

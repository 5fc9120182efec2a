import type { ExtensionCommand } from '../core/extension-process.ts';
import { STANDARD_INPUT } from '../ingest/replay/standard-input.ts';
import { ownCommand } from '../runtime/own-command.ts';

/**
 * How to start this program as an extension, as osqueryd does.
 *
 * @param moreArgs beyond those that osqueryd would give, such as `--replay=FILE`
 */
export const ownExtension = (moreArgs: readonly string[]): ExtensionCommand => ({
  ...ownCommand(),
  moreArgs,
  readsStdin: moreArgs.some(argument => STANDARD_INPUT.has(argument.replace(/^--replay=/, ''))),
});

import type { ExtensionCommand } from '../core/extension-process.ts';
import { STANDARD_INPUT } from '../ingest/replay/standard-input.ts';
import { ownCommand } from '../runtime/own-command.ts';

/**
 * This program, to be started as osqueryd starts an extension.
 *
 * @param moreArgs beyond those that osqueryd would give, such as `--replay=FILE`
 */
export const ownExtension = (moreArgs: readonly string[]): ExtensionCommand => ({
  ...ownCommand(),
  moreArgs,
  readsStdin: moreArgs.some(argument => STANDARD_INPUT.has(argument.replace(/^--replay=/, ''))),
});

/** The shell's composition: what the embedded core starts as its extension is this same program. */

import type { ExtensionCommand } from '../core/extension-process.ts';
import { auditFlags, eventFlags } from '../flags/audit-flags.ts';
import { CUSTOM_PREFIX } from '../flags/custom-options.ts';
import { STANDARD_INPUT } from '../ingest/replay/standard-input.ts';
import { ownCommand } from '../runtime/own-command.ts';
import { runShell as run } from '../shell/run-shell.ts';

export interface ShellOptions {
  /** Core's flags by name; the extension gets them from core. */
  readonly coreFlags: ReadonlyMap<string, string>;
  /** Arguments of the extension beyond those osqueryd would give, such as `--replay=FILE`. */
  readonly extensionArgs: readonly string[];
  readonly mode: 'table' | 'json' | 'csv' | 'line';
  /** Runs this and ends; without it statements come from standard input. */
  readonly sql?: string;
}

/** This program, to be started as osqueryd starts an extension. */
export const extensionCommand = (moreArgs: readonly string[]): ExtensionCommand => ({
  ...ownCommand(),
  moreArgs,
  readsStdin: moreArgs.some(argument => STANDARD_INPUT.has(argument.replace(/^--replay=/, ''))),
});

/** The documented defaults of the audit and event flags, which a core of 5.23 would not serve by itself. */
export const documentedDefaults = (): [string, string][] =>
  [...auditFlags, ...eventFlags].map(flag => [flag.name, flag.defaultValue]);

/** A shell shows what happens from now on, and leaves nothing behind. */
const SHELL_DEFAULTS: readonly [string, string][] = [[`${CUSTOM_PREFIX}state_dir`, 'none']];

/** Runs the shell on this process's standard streams and resolves with its exit status. */
export const runShell = (options: ShellOptions): Promise<number> =>
  run({
    coreFlags: new Map([...documentedDefaults(), ...SHELL_DEFAULTS, ...options.coreFlags]),
    extension: extensionCommand(options.extensionArgs),
    readsFiles: options.extensionArgs.some(argument => argument.startsWith('--replay=')),
    mode: options.mode,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    ...(options.sql === undefined ? {} : { sql: options.sql }),
  });

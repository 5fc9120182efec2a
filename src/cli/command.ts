import type { FlagDefinition } from '../flags/flag-definition.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';

/** One command of the program. `run` loads its module, so that other commands cost nothing at start. */
export interface Command {
  /** The word that selects it. '' is the extension, which osqueryd starts with flags only. */
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** The arguments behind the program's name. */
  readonly usage: string;
  /** Paragraphs for `--help`. */
  readonly notes: readonly string[];
  /** The command's own flags. */
  readonly flags: readonly FlagDefinition[];
  /** Groups of osquery's flags and ours that it takes as well. */
  readonly flagGroups: readonly (readonly FlagDefinition[])[];
  /** Started by the program itself: left out of the help text. */
  readonly isInternal?: boolean;
  /**
   * Runs the command; resolves with the exit status.
   * @throws FlagError if the flags do not fit together, any other Error if the work cannot be done
   */
  run(flags: ParsedFlags): Promise<number>;
}

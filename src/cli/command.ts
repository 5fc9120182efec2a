import type { FlagDefinition } from '../flags/flag-definition.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';

/** One command of the program. Its module is loaded by `run`, so that the others cost nothing at start. */
export interface Command {
  /** The word that calls it; '' is the extension, which osqueryd starts with flags alone. */
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** What follows the program's name. */
  readonly usage: string;
  /** Paragraphs for `--help`. */
  readonly notes: readonly string[];
  /** The command's own flags. */
  readonly flags: readonly FlagDefinition[];
  /** The groups of osquery's flags and ours that it takes besides. */
  readonly flagGroups: readonly (readonly FlagDefinition[])[];
  /** Not for people: left out of the help text. */
  readonly isInternal?: boolean;
  /**
   * Does it; resolves with the exit status.
   * @throws FlagError where the flags do not fit together, any other Error where the work cannot be done
   */
  run(flags: ParsedFlags): Promise<number>;
}

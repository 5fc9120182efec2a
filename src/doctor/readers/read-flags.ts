import { join } from 'node:path';
import { auditFlags, eventFlags } from '../../flags/audit-flags.ts';
import { coreFlags } from '../../flags/core-flags.ts';
import { customOptions } from '../../flags/custom-options.ts';
import { flagTable } from '../../flags/flag-definition.ts';
import { FlagError } from '../../flags/flag-error.ts';
import { flagfileLines, MAX_FLAGFILE_BYTES } from '../../flags/flagfile.ts';
import { parseFlags } from '../../flags/parse-flags.ts';
import { readFlagfile } from '../../flags/read-flagfile.ts';
import { stockFlags } from '../../flags/stock-flags.ts';
import type { FlagFacts } from '../facts.ts';
import { readText } from './read-text.ts';

/** Where osqueryd looks for its flags in osquery's packages. */
export const DEFAULT_FLAGFILE = '/etc/osquery/osquery.flags';

const flags = flagTable(auditFlags, eventFlags, customOptions, coreFlags, stockFlags);

/** Most lines of one flagfile that are reported one by one. */
const MAX_PROBLEMS = 20;

/**
 * Reads a flagfile as osqueryd does, which continues after a line that it does not understand; but such lines are
 * reported.
 *
 * @param root put before the path, for tests
 */
export const readFlags = (root: string, path: string = DEFAULT_FLAGFILE): FlagFacts => {
  const reading = readText(join(root, path), MAX_FLAGFILE_BYTES);
  if (reading.kind !== 'read') return { ...reading, path };
  const { values, problems } = readFlagLines(root, reading.text);
  return { kind: 'file', path, values, problems: problems.slice(0, MAX_PROBLEMS) };
};

export interface FlagLines {
  /** Canonical text by name; the last line counts. */
  readonly values: ReadonlyMap<string, string>;
  /** Number of the line that counts. */
  readonly places: ReadonlyMap<string, number>;
  /** Lines that osquery skips in silence, one message each. */
  readonly problems: readonly string[];
}

/**
 * Reads the text of a flagfile line by line.
 *
 * @param root put before the paths of files that it names, for tests
 */
export const readFlagLines = (root: string, content: string): FlagLines => {
  const values = new Map<string, string>();
  const places = new Map<string, number>();
  const problems: string[] = [];
  for (const { number, text } of flagfileLines(content)) {
    try {
      const parsed = parseFlags([text], {
        flags,
        readFlagfile: (name, limit) => readFlagfile(join(root, name), limit),
      });
      if (parsed.positionals.length > 0) {
        problems.push(`line ${number} is not a flag: ${JSON.stringify(text)}`);
      }
      for (const [name, value] of parsed.values) {
        values.set(name, value);
        places.set(name, number);
      }
    } catch (error) {
      if (!(error instanceof FlagError)) throw error;
      problems.push(`line ${number}: ${error.message}`);
    }
  }
  return { values, places, problems };
};

/** Where result lines go: files as in osquery's filesystem logger, standard output, or an extension's logger. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

export type LogCategory = 'event' | 'snapshot';

export interface ResultLog {
  /** Resolves when every line has been taken. */
  readonly write: (category: LogCategory, lines: readonly string[]) => Promise<void>;
}

/** Core's `logger_mode`. */
const LOG_MODE = 0o640;

const FILES: Readonly<Record<LogCategory, string>> = {
  event: 'osqueryd.results.log',
  snapshot: 'osqueryd.snapshots.log',
};

/** Makes the directory if it is missing. */
export const filesystemLog = (directory: string): ResultLog => {
  mkdirSync(directory, { recursive: true });
  return {
    write: async (category, lines) => {
      if (lines.length > 0) {
        appendFileSync(join(directory, FILES[category]), `${lines.join('\n')}\n`, { mode: LOG_MODE });
      }
    },
  };
};

export const streamLog = (write: (text: string) => Promise<void>): ResultLog => ({
  write: async (_category, lines) => {
    if (lines.length > 0) await write(`${lines.join('\n')}\n`);
  },
});

/** Passes each line to a logger plugin; `call` is core's call of it. */
export const pluginLog = (
  call: (request: Readonly<Record<string, string>>) => Promise<unknown>,
): ResultLog => ({
  write: async (category, lines) => {
    for (const line of lines) {
      await call(category === 'event' ? { string: line, category } : { snapshot: line });
    }
  },
});

import { createTrailCounters, formatProblem, type TrailProblem } from './counters.ts';
import { OpenBsmError } from './errors.ts';
import { printRecord, printToken } from './praudit.ts';
import { readRecords } from './read-records.ts';
import { itemJson } from './record-json.ts';
import { readTrailFile, trailFiles } from './trail-files.ts';

export interface PrintIo {
  /** If it returns a promise, printing waits for it, so a slow reader holds printing back. */
  readonly stdout: (text: string) => unknown;
  readonly stderr: (text: string) => void;
  /** Read for the file name `-`. */
  readonly stdin: AsyncIterable<Uint8Array>;
}

export interface PrintOptions {
  /** Trails, directories of trails, or `-` for standard input. */
  readonly paths: readonly string[];
  readonly json: boolean;
  readonly delimiter: string;
}

/**
 * Prints what can be read of every trail. Each problem is a line on stderr.
 *
 * @returns the exit status: 1 if a trail could not be read, or held anything but records; else 0
 */
export const printTrails = async ({ paths, json, delimiter }: PrintOptions, io: PrintIo): Promise<number> => {
  let status = 0;
  const complain = (text: string): void => {
    status = 1;
    io.stderr(`bsm: ${text}\n`);
  };
  const printTrail = async (name: string, chunks: AsyncIterable<Uint8Array>): Promise<void> => {
    const onProblem = (problem: TrailProblem): void => complain(`${name}: ${formatProblem(problem)}`);
    const counters = createTrailCounters();
    for await (const item of readRecords(chunks, counters, { onProblem })) {
      await io.stdout(
        json
          ? itemJson(item)
          : item.kind === 'record'
            ? printRecord(item, delimiter)
            : printToken(item.token, delimiter),
      );
    }
    if (counters.records === 0 && counters.skippedBytes > 0)
      complain(`${name}: it contains no record, so it is not an audit trail`);
  };
  for (const path of paths) {
    try {
      if (path === '-') await printTrail('standard input', io.stdin);
      else for (const file of await trailFiles(path)) await printTrail(file, readTrailFile(file));
    } catch (error) {
      if (!(error instanceof OpenBsmError)) throw error;
      complain(error.message);
    }
  }
  return status;
};

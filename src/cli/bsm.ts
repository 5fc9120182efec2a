import { createTrailCounters, formatProblem, type TrailProblem } from '../openbsm/counters.ts';
import { OpenBsmError } from '../openbsm/errors.ts';
import { DEFAULT_DELIMITER, printRecord, printToken } from '../openbsm/praudit.ts';
import { readRecords } from '../openbsm/read-records.ts';
import { itemJson } from '../openbsm/record-json.ts';
import { readTrailFile, trailFiles } from '../openbsm/trail-files.ts';

export interface BsmIo {
  /** A promise that it returns is waited for: so it can hold printing back while its reader catches up. */
  readonly stdout: (text: string) => unknown;
  readonly stderr: (text: string) => void;
  /** Read for the file name `-`. */
  readonly stdin: AsyncIterable<Uint8Array>;
}

export interface BsmOptions {
  /** Trails, directories of trails, or `-` for standard input. */
  readonly paths: readonly string[];
  readonly json: boolean;
  readonly delimiter: string;
}

export const BSM_USAGE = 'usage: osquery-audit-events bsm [--json] [--delimiter=,] FILE...\n';

/**
 * Prints the records of trails.
 *
 * @returns 0, or 1 if a file could not be read or held anything but records, or 2 for arguments it does not know
 */
export const runBsm = async (args: readonly string[], io: BsmIo): Promise<number> => {
  const options = parseArguments(args);
  if (typeof options !== 'string') return printTrails(options, io);
  io.stderr(`${options}\n${BSM_USAGE}`);
  return 2;
};

/** What is wrong, as text, if the arguments are. */
const parseArguments = (args: readonly string[]): BsmOptions | string => {
  const paths: string[] = [];
  let json = false;
  let delimiter = DEFAULT_DELIMITER;
  let onlyPaths = false;
  for (const arg of args) {
    if (onlyPaths || arg === '-' || !arg.startsWith('-')) paths.push(arg);
    else if (arg === '--') onlyPaths = true;
    else if (arg === '--json') json = true;
    else if (arg.startsWith('--delimiter=')) delimiter = arg.slice('--delimiter='.length);
    else return `bsm: unknown flag ${JSON.stringify(arg)}: expected --json or --delimiter=TEXT`;
  }
  return paths.length > 0
    ? { paths, json, delimiter }
    : 'bsm: no file: expected an audit trail, a directory of them, or -';
};

/** Prints what can be read of every path; what cannot be is a line on stderr each. */
export const printTrails = async ({ paths, json, delimiter }: BsmOptions, io: BsmIo): Promise<number> => {
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
      complain(`${name}: no record in it: not an audit trail`);
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

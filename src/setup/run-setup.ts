import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { isSea } from 'node:sea';
import { readFlagLines } from '../doctor/readers/read-flags.ts';
import { readText } from '../doctor/readers/read-text.ts';
import { FlagError } from '../flags/flag-error.ts';
import { MAX_FLAGFILE_BYTES } from '../flags/flagfile.ts';
import { readHostFacts } from '../runtime/host-facts.ts';
import { DEFAULT_ETC, planSetup, type SetupPlan } from './plan-setup.ts';
import { printPlan } from './print-plan.ts';
import { replaceFiles } from './replace-files.ts';
import { SetupError } from './setup-error.ts';
import { shippedFiles } from './shipped-files.ts';

/** Where doctor looks. */
export interface DoctorPlaces {
  readonly extension: string;
  /** osquery's flags, by name. */
  readonly given: ReadonlyMap<string, string>;
  /** The flags say how osqueryd is started, so no flagfile is searched for. */
  readonly isStart: boolean;
}

export interface SetupArgs {
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly undo: boolean;
  readonly autoloadOnly: boolean;
  /** The file of --ext. */
  readonly executable: string | undefined;
  readonly etc: string;
  /** Receives lines for stderr when no question is asked. */
  readonly remark: (text: string) => void;
  /** Prints doctor's report. */
  readonly examine: (places: DoctorPlaces) => Promise<unknown>;
}

/** Where packages install osqueryd. */
const OSQUERYD = ['/usr/bin/osqueryd', '/usr/local/bin/osqueryd', '/opt/osquery/bin/osqueryd'];

const print = (text: string): void => {
  process.stdout.write(text);
};

/** Resolves with the exit status: 0 if osquery's files are as asked for, 1 if the user said no. */
export const runSetup = async (args: SetupArgs): Promise<number> => {
  const etc = resolve(args.etc);
  const executable = executableOf(args);
  if (!args.undo && !args.autoloadOnly) requireOsquery(etc);
  const plan = await planSetup({
    host: readHostFacts(),
    etc,
    executable,
    shipped: shippedFiles(),
    undo: args.undo,
    autoloadOnly: args.autoloadOnly,
  });
  if (!args.autoloadOnly || args.dryRun) print(printPlan(plan));
  else for (const remark of plan.remarks) args.remark(remark);
  if (plan.changes.length === 0 && !args.autoloadOnly) {
    print(args.undo ? 'setup has written nothing here\n' : 'nothing is missing\n');
  }
  if (args.dryRun) return 0;
  if (plan.changes.length > 0) {
    if (!args.yes && !args.autoloadOnly && !(await isAgreed(plan))) return 1;
    await replaceFiles(plan.changes);
  }
  if (args.autoloadOnly) return 0;
  if (plan.changes.length > 0)
    print(`written; restart osqueryd for it to take effect: systemctl restart osqueryd\n`);
  if (!args.undo) {
    print('\n');
    // Problems that doctor finds in an osqueryd that was not restarted yet are no failure of setup.
    await args.examine({ extension: executable, ...flagsFor(etc) });
  }
  return 0;
};

/** Where doctor looks: osquery's own places or, with --etc, what the flagfile there says. */
const flagsFor = (etc: string): Omit<DoctorPlaces, 'extension'> => {
  if (etc === DEFAULT_ETC) return { given: new Map(), isStart: false };
  const reading = readText(join(etc, 'osquery.flags'), MAX_FLAGFILE_BYTES);
  const given = reading.kind === 'read' ? readFlagLines('/', reading.text).values : new Map<string, string>();
  return { given, isStart: true };
};

/** @throws FlagError, SetupError if the file does not exist: a line that leads to nothing is useless */
const executableOf = ({ executable, undo, autoloadOnly }: SetupArgs): string => {
  const path = executable ?? (isSea() ? process.execPath : undefined);
  if (path === undefined) {
    throw new FlagError(
      'usage',
      'setup: expected --ext PATH, the executable that "npm run build:ext" makes: osqueryd cannot load sources',
    );
  }
  if (!path.endsWith('.ext')) {
    throw new FlagError(
      'usage',
      `setup: expected a path that ends in .ext, which osqueryd requires, got ${path}`,
    );
  }
  if (!undo && !existsSync(path)) throw new SetupError(`${path}: there is no such file; nothing was changed`);
  if (!undo && autoloadOnly && !path.startsWith('/')) {
    throw new FlagError('usage', `setup: expected an absolute path, got ${path}`);
  }
  return resolve(path);
};

const requireOsquery = (etc: string): void => {
  if (existsSync(etc) || OSQUERYD.some(path => existsSync(path))) return;
  throw new SetupError(
    `expected osquery (${OSQUERYD.join(', ')}) or its directory ${etc}: install osquery first; nothing was changed`,
  );
};

const isAgreed = async ({ changes }: SetupPlan): Promise<boolean> => {
  if (!process.stdin.isTTY) {
    throw new FlagError(
      'usage',
      'setup: expected --yes, because there is no terminal to ask on; nothing was changed',
    );
  }
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const files = changes.length === 1 ? 'this file' : `these ${changes.length} files`;
    const answer = await lines.question(`Write ${files}? [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return true;
    print('nothing was changed\n');
    return false;
  } finally {
    lines.close();
  }
};

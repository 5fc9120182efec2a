import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { openAuditControl } from '../../../src/audit/control/control.ts';
import { FILES_KEY } from '../../../src/audit/rule-keys.ts';
import { processFileEvents } from '../../../tables/process_file_events.ts';
import { processOptions } from '../audit-options.ts';
import { endedChildrenCpu } from '../child-usage.ts';
import { ExtensionUnderTest } from '../extension-under-test.ts';
import type { Figure } from '../figure.ts';
import { findProgram } from '../peers/peer-program.ts';
import type { Program } from '../program.ts';
import type { Scenario } from '../scenario.ts';

const execute = promisify(execFile);

const OPENS = 60_000;
const COMPILED = 12;
/** Each with and without rules, in turn. */
const ROUNDS = 5;
/** Milliseconds for the last events to become rows. */
const SETTLE_MS = 500;
const RULES_MS = 30_000;

/** Directories that people watch. */
const WATCHED = ['/etc', '/boot', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/root'];
const CONFIG = JSON.stringify({ file_paths: { usual: WATCHED.map(path => `${path}/%%`) } });

/** Opens the files of a directory to read, and some to write, so many times. */
const OPEN_FILES = `
my ($tree, $opens) = @ARGV;
for my $i (1..$opens) {
  if ($i % 10) { open(my $f, '<', "$tree/" . $i % 100) or die $!; }
  else { open(my $f, '>>', "$tree/" . $i % 100) or die $!; }
}`;

const SOURCE = `
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
int main(void) { return printf("%d", errno) < 0; }
`;

interface Load {
  readonly name: string;
  /** Of nothing but opens: so many, of which the cost of one is told. */
  readonly opens?: number;
  readonly run: () => Promise<void>;
}

/** Microseconds of CPU. */
interface Cost {
  readonly load: number;
  readonly extension: number;
}

/** What rules that watch files cost the opens of all others, in the kernel and here: nothing, it is hoped. */
export const filesUnwatched: Scenario = {
  name: 'files-unwatched',
  title: `${OPENS.toLocaleString('en-US')} opens of files that are not watched, and a build in C, with ${WATCHED.length} directories watched and without`,
  needsAudit: true,
  run: async ({ program, note }) => {
    const tree = mkdtempSync(join(tmpdir(), 'bench-files-'));
    try {
      const loads = [opens(tree), ...build(tree, note)];
      const figures: Figure[] = [];
      const without: Cost[][] = loads.map(() => []);
      const withRules: Cost[][] = loads.map(() => []);
      let rows = 0;
      for (let round = 0; round < ROUNDS; round++) {
        for (const isWatching of round % 2 === 0 ? [false, true] : [true, false]) {
          const measured = await measure(program, isWatching, loads);
          rows += measured.rows;
          for (const [index, cost] of measured.costs.entries())
            (isWatching ? withRules : without)[index]!.push(cost);
        }
      }
      loads.forEach((load, index) => {
        figures.push(...compare(load, without[index]!, withRules[index]!));
      });
      return [...figures, { name: 'rows of the opens', value: rows, unit: 'rows', goal: { atMost: 0 } }];
    } finally {
      rmSync(tree, { recursive: true, force: true });
    }
  },
};

const opens = (tree: string): Load => {
  mkdirSync(join(tree, 'read'));
  for (let i = 0; i < 100; i++) writeFileSync(join(tree, 'read', String(i)), 'x');
  return {
    name: 'opens and closes',
    opens: OPENS,
    run: async () => {
      await execute('/usr/bin/perl', ['-e', OPEN_FILES, join(tree, 'read'), String(OPENS)]);
    },
  };
};

/** Nothing where there is no compiler. */
const build = (tree: string, note: (text: string) => void): readonly Load[] => {
  const compiler = findProgram('cc') ?? findProgram('gcc');
  if (compiler === undefined) {
    note('there is no C compiler: only opens are measured');
    return [];
  }
  const source = join(tree, 'source.c');
  writeFileSync(source, SOURCE);
  return [
    {
      name: `a build of ${COMPILED} C files`,
      run: async () => {
        for (let i = 0; i < COMPILED; i++) await execute(compiler, ['-o', join(tree, `made${i}`), source]);
      },
    },
  ];
};

const measure = async (
  program: Program,
  isWatching: boolean,
  loads: readonly Load[],
): Promise<{ readonly costs: readonly Cost[]; readonly rows: number }> => {
  const options = { ...processOptions, audit_allow_fim_events: String(isWatching) };
  await using extension = await ExtensionUnderTest.start(program, options, [], CONFIG);
  if (isWatching) await rulesInPlace();
  const costs: Cost[] = [];
  for (const { run } of loads) {
    await run();
    await sleep(SETTLE_MS);
    const before = { load: endedChildrenCpu(), extension: extension.cpuSeconds };
    await run();
    await sleep(SETTLE_MS);
    costs.push({
      load: (endedChildrenCpu() - before.load) * 1e6,
      extension: (extension.cpuSeconds - before.extension) * 1e6,
    });
  }
  // What else goes on on the host may well change what is watched.
  const equal = { executable: '/usr/bin/perl' };
  const rows = isWatching ? await extension.count(processFileEvents.spec, { equal }) : 0;
  return { costs, rows };
};

const rulesInPlace = async (): Promise<void> => {
  const control = openAuditControl();
  try {
    for (const deadline = performance.now() + RULES_MS; performance.now() < deadline; ) {
      const rules = await control.listRules();
      if (rules.some(rule => Buffer.from(rule).includes(FILES_KEY))) return;
      await sleep(100);
    }
  } finally {
    control.close();
  }
  throw new Error('the rules that watch files are not there');
};

const compare = (
  { name, opens }: Load,
  without: readonly Cost[],
  withRules: readonly Cost[],
): readonly Figure[] => {
  // The least of each part: what else runs on the host has added least to it.
  const least = (costs: readonly Cost[]): Cost => ({
    load: Math.min(...costs.map(({ load }) => load)),
    extension: Math.min(...costs.map(({ extension }) => extension)),
  });
  const [base, more] = [least(without), least(withRules)];
  const whole = base.load + base.extension;
  const added = more.load + more.extension - whole;
  const cost: Figure =
    opens === undefined
      ? {
          name: '… more with them, kernel and extension',
          value: (100 * added) / whole,
          unit: '%',
          goal: { atMost: 1 },
        }
      : { name: '… more for each with them, kernel and extension', value: added / opens, unit: 'µs' };
  return [
    { name: `CPU of ${name}, without rules`, value: whole / 1000, unit: 'ms' },
    cost,
    { name: '… of it the extension', value: (more.extension - base.extension) / 1000, unit: 'ms' },
  ];
};

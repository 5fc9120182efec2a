import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordTypeNumbers } from '../../../src/ingest/replay/record-types.ts';
import type { Figure } from '../figure.ts';
import type { Program } from '../program.ts';
import { chainedExecRecords } from '../records.ts';
import type { Scenario } from '../scenario.ts';

/** About a gigabyte: the start of the program is a small part of it. */
const EVENTS = 880_000;
const FIRST_SECOND = 1_767_225_600;
const PER_SECOND = 100;
const names = new Map<number, string>(Object.entries(recordTypeNumbers).map(([name, type]) => [type, name]));

/** A log as auditd writes it, enriched. */
const writeLog = (path: string): void => {
  const file = openSync(path, 'w');
  for (let i = 0; i < EVENTS; ) {
    let text = '';
    for (const last = Math.min(i + 1_000, EVENTS); i < last; i++) {
      for (const { type, payload } of chainedExecRecords(i, FIRST_SECOND + Math.floor(i / PER_SECOND))) {
        const behind =
          type === 1300 ? '\x1dARCH=x86_64 SYSCALL=execve AUID="unset" UID="root" GID="root"' : '';
        text += `type=${names.get(type)} msg=${payload}${behind}\n`;
      }
    }
    writeSync(file, text);
  }
  closeSync(file);
};

interface Run {
  readonly seconds: number;
  readonly output: string;
}

/** @param output what is to be done with it: that of ausearch is half the log */
const run = (file: string, args: readonly string[], output: 'pipe' | 'ignore'): Run => {
  const before = performance.now();
  const { stdout, status, error } = spawnSync(file, args, {
    encoding: 'utf8',
    stdio: ['ignore', output, 'inherit'],
  });
  if (error !== undefined || status !== 0) throw error ?? new Error(`${file} ended with status ${status}`);
  return { seconds: (performance.now() - before) / 1000, output: stdout ?? '' };
};

const replay = ({ file, args }: Program, path: string): number => {
  const sql = 'SELECT count(*) FROM process_events';
  const { seconds, output } = run(file, [...args, 'shell', '--replay', path, '--csv', sql], 'pipe');
  const rows = Number(output.trim().split('\n').at(-1));
  if (rows !== EVENTS) throw new Error(`expected ${EVENTS} rows from the log, got ${rows}`);
  return seconds;
};

/** Readers of Debian's auditd: they make no rows. */
const READERS: readonly (readonly [name: string, file: string, args: readonly string[]])[] = [
  ['ausearch --raw -m EXECVE', '/usr/sbin/ausearch', ['--raw', '-m', 'EXECVE', '-if']],
  ['aureport -x', '/usr/sbin/aureport', ['-x', '-if']],
];

export const replayLog: Scenario = {
  name: 'replay',
  title: `a log of ${EVENTS.toLocaleString('en')} execs, from the start of the shell to its answer; beside ausearch and aureport where they are installed`,
  needsAudit: false,
  run: async ({ program }) => {
    const directory = mkdtempSync(join(tmpdir(), 'bench-'));
    try {
      const path = join(directory, 'audit.log');
      writeLog(path);
      const megabytes = statSync(path).size / 1e6;
      const figures: Figure[] = [
        {
          name: 'shell --replay',
          value: megabytes / replay(program, path),
          unit: 'MB/s',
          goal: { atLeast: 150 },
        },
      ];
      for (const [name, file, args] of READERS) {
        if (!existsSync(file)) continue;
        figures.push({ name, value: megabytes / run(file, [...args, path], 'ignore').seconds, unit: 'MB/s' });
      }
      return figures;
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
};

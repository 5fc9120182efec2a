/**
 * The status log as in osqueryd's filesystem logger: `osqueryd.INFO`, `osqueryd.WARNING` and `osqueryd.ERROR` in the
 * log directory are links to the files of this run. A line is written to the file of its severity and of each lower
 * one.
 *
 * Source: osquery 5.23 `plugins/logger/filesystem_logger.cpp`; the names and lines are glog's.
 */
import { appendFileSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';

/** Indexed by osquery's number. */
const SEVERITIES = ['INFO', 'WARNING', 'ERROR'] as const;

export interface StatusLine {
  /** 0 is information, 1 a warning, 2 an error; glog's 3, fatal, counts as 2. */
  readonly severity: number;
  readonly message: string;
  /** Source file of the message. */
  readonly file: string;
  readonly line: number;
}

export interface StatusLog {
  readonly write: (lines: readonly StatusLine[]) => void;
}

/** glog's. */
const LOG_MODE = 0o640;
const PROGRAM = 'osqueryd';

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** `W20231123 22:11:00.123000 4711 file:12] message`, in UTC. */
export const statusLogLine = (
  { severity, message, file, line }: StatusLine,
  time: number,
  pid: number,
): string => {
  const [date = '', clock = ''] = new Date(time).toISOString().split('T');
  const text = message.replaceAll('\n', '\\n');
  return `${SEVERITIES[severity]![0]}${date.replaceAll('-', '')} ${clock.slice(0, -1)}000 ${pid} ${file}:${line}] ${text}\n`;
};

/** Makes the directory if it is missing; a file is made with its first line. */
export const filesystemStatusLog = (directory: string, now: () => number = Date.now): StatusLog => {
  mkdirSync(directory, { recursive: true });
  const started = new Date(now());
  const stamp = `${started.toISOString().slice(0, 10).replaceAll('-', '')}-${[started.getUTCHours(), started.getUTCMinutes(), started.getUTCSeconds()].map(twoDigits).join('')}`;
  const opened = new Map<string, string>();
  const pathOf = (severity: string): string => {
    const known = opened.get(severity);
    if (known !== undefined) return known;
    const name = `${PROGRAM}.${hostname()}.${userName()}.log.${severity}.${stamp}.${process.pid}`;
    const path = join(directory, name);
    opened.set(severity, path);
    const link = join(directory, `${PROGRAM}.${severity}`);
    rmSync(link, { force: true });
    symlinkSync(name, link);
    return path;
  };
  return {
    write: lines => {
      for (const line of lines) {
        const severity = Math.min(Math.max(Math.trunc(line.severity) || 0, 0), SEVERITIES.length - 1);
        const text = statusLogLine({ ...line, severity }, now(), process.pid);
        for (const name of SEVERITIES.slice(0, severity + 1))
          appendFileSync(pathOf(name), text, { mode: LOG_MODE });
      }
    },
  };
};

const userName = (): string => {
  try {
    return userInfo().username;
  } catch {
    // Not every uid has a name.
    return String(process.geteuid?.() ?? 'unknown');
  }
};

/** Status lines in the form of osquery's `stdout` logger. */
export const streamStatusLog = (write: (text: string) => void): StatusLog => ({
  write: lines => {
    for (const { severity, file, line, message } of lines)
      write(`severity=${severity} location=${file}:${line} message=${message}\n`);
  },
});

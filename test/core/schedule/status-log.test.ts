import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { callLogger, parseStatusLines } from '../../../src/core/schedule/logger-plugin.ts';
import type { StatusLine } from '../../../src/core/schedule/status-log.ts';
import { filesystemStatusLog, streamStatusLog } from '../../../src/core/schedule/status-log.ts';

const NOW = Date.UTC(2023, 10, 23, 22, 11, 0, 42);
const line = (severity: number, message: string): StatusLine => ({
  severity,
  message,
  file: 'f.cpp',
  line: 12,
});

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'status-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('files of the filesystem logger', () => {
  test('hold the lines of their severity and of each higher one', () => {
    const log = filesystemStatusLog(join(directory, 'new'), () => NOW);
    log.write([line(0, 'i'), line(1, 'w\nx'), line(2, 'e'), line(3, 'fatal')]);
    const read = (name: string) =>
      readFileSync(join(directory, 'new', name), 'utf8')
        .split('\n')
        .slice(0, -1);
    const head = (letter: string) => `${letter}20231123 22:11:00.042000 ${process.pid} f.cpp:12] `;
    expect(read('osqueryd.ERROR')).toEqual([`${head('E')}e`, `${head('E')}fatal`]);
    expect(read('osqueryd.WARNING')).toEqual([`${head('W')}w\\nx`, ...read('osqueryd.ERROR')]);
    expect(read('osqueryd.INFO')).toEqual([`${head('I')}i`, ...read('osqueryd.WARNING')]);
    expect(readlinkSync(join(directory, 'new', 'osqueryd.INFO'))).toMatch(
      new RegExp(`^osqueryd\\..+\\.log\\.INFO\\.20231123-221100\\.${process.pid}$`),
    );
  });

  test('are made with their first line, and the link follows the latest run', () => {
    filesystemStatusLog(directory, () => NOW).write([line(0, 'first')]);
    expect(readdirSync(directory)).toHaveLength(2);
    const later = filesystemStatusLog(directory, () => NOW + 1000);
    expect(readFileSync(join(directory, 'osqueryd.INFO'), 'utf8')).toContain('first');
    later.write([line(0, 'second')]);
    expect(readFileSync(join(directory, 'osqueryd.INFO'), 'utf8')).not.toContain('first');
    expect(readdirSync(directory)).toHaveLength(3);
  });
});

test('lines on a stream', () => {
  let text = '';
  streamStatusLog(more => {
    text += more;
  }).write([line(1, 'careful')]);
  expect(text).toBe('severity=1 location=f.cpp:12 message=careful\n');
});

describe('requests to a logger', () => {
  const setUp = () => {
    const results: string[] = [];
    const status: StatusLine[] = [];
    const logs = {
      results: {
        write: async (category: string, lines: readonly string[]) => {
          results.push(...lines.map(text => `${category}: ${text}`));
        },
      },
      status: {
        write: (lines: readonly StatusLine[]) => {
          status.push(...lines);
        },
      },
    };
    return { logs, results, status };
  };

  test('of each kind arrive where they belong', async () => {
    const { logs, results, status } = setUp();
    await callLogger(logs, { string: 'row' });
    await callLogger(logs, { snapshot: 'rows' });
    await callLogger(logs, {
      status: 'true',
      log: '[{"s":1,"f":"file","i":7,"m":"message","h":"host","c":"now","u":1},5,{"s":1}]',
    });
    expect(results).toEqual(['event: row', 'snapshot: rows']);
    expect(status).toEqual([{ severity: 1, file: 'file', line: 7, message: 'message' }]);
    await expect(callLogger(logs, { action: 'nonesuch' })).rejects.toThrow(
      'Unsupported call to logger plugin',
    );
  });

  test('status lines that are none are left out', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), json => {
        for (const { severity, message, file, line } of parseStatusLines(json)) {
          expect([typeof severity, typeof message, typeof file, typeof line]).toEqual([
            'number',
            'string',
            'string',
            'number',
          ]);
        }
      }),
    );
    expect(parseStatusLines(undefined)).toEqual([]);
  });
});

import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = new URL('../..', import.meta.url).pathname;

const SDK = 'osquery-extension-ts';

/** The file of a new source … */
const LENGTH_SOURCE = `import { type EventSource, eventSource } from '../source.ts';
import type { AuditFields } from './audit.ts';

export interface LengthFields {
  readonly command_line_length: number | undefined;
}

export const lengthSource = (): EventSource<LengthFields> =>
  eventSource<LengthFields, Pick<AuditFields, 'process_command_line'>>({
    name: 'length',
    provides: { command_line_length: 'output' },
    needs: ['process_command_line'],
    resolve: (_event, { process_command_line: line }) => ({ command_line_length: line?.length }),
  });
`;

/** A copy of the program. */
let copy: string;
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'new-source-'));
  for (const name of ['src', 'tables', 'package.json', 'package-lock.json', 'tsconfig.json']) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  mkdirSync(join(copy, 'node_modules'));
  for (const name of readdirSync(join(root, 'node_modules'))) {
    // The package of this repository is the copy's own.
    const target = name === SDK ? join(copy, 'src', SDK) : join(root, 'node_modules', name);
    symlinkSync(target, join(copy, 'node_modules', name));
  }
  writeFileSync(join(copy, 'src/model/sources/length.ts'), LENGTH_SOURCE);
  // … and its line.
  const list = join(copy, 'src/model/sources.ts');
  const text = readFileSync(list, 'utf8');
  const added = text.replace('[auditSource(), ', '[auditSource(), lengthSource(), ');
  expect(added).not.toBe(text);
  writeFileSync(list, `import { lengthSource } from './sources/length.ts';\n${added}`);
});
afterAll(() => rmSync(copy, { recursive: true }));

const stream = (directory: string, fields: string) =>
  spawnSync(
    process.execPath,
    [
      '--conditions=source',
      join(directory, 'src/cli/main.ts'),
      'stream',
      ...['--replay', join(root, 'fixtures/exec-60-arguments.log')],
      ...['--fields', fields],
    ],
    { encoding: 'utf8' },
  );

describe('a new data source', () => {
  it('is one file and one line: its field is in the stream', () => {
    const { stdout, stderr, status } = stream(copy, 'process_command_line,command_line_length');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as { process_command_line: string; command_line_length: number });
    expect(events.length).toBeGreaterThan(0);
    for (const event of events) expect(event.command_line_length).toBe(event.process_command_line.length);
  });

  it('fits the types', () => {
    const compiler = join(root, 'node_modules/.bin/tsc');
    const options = ['--noEmit', '--project', join(copy, 'tsconfig.json')];
    expect(execFileSync(compiler, options, { encoding: 'utf8' })).toBe('');
  });

  it('is unknown without them', () => {
    const { stderr, status } = stream(root, 'command_line_length');
    expect(stderr).toContain("no field 'command_line_length'");
    expect(status).toBe(1);
  });
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PrintOptions, printTrails } from '../../src/openbsm/print-trails.ts';
import { record, SAMPLE_TOKENS, subject32, succeeded, text } from './sample-tokens.ts';

const fixture = (file: string): string =>
  fileURLToPath(new URL(`../../fixtures/openbsm/${file}`, import.meta.url));

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bsm-'));
});
afterAll(() => rm(directory, { recursive: true }));
const file = async (name: string, bytes: Uint8Array | string): Promise<string> => {
  await writeFile(join(directory, name), bytes);
  return join(directory, name);
};

const run = async (options: Partial<PrintOptions>, stdin: readonly Uint8Array[] = []) => {
  const printed = { stdout: '', stderr: '' };
  const status = await printTrails(
    { paths: [], json: false, delimiter: ',', ...options },
    {
      stdout: chunk => {
        printed.stdout += chunk;
      },
      stderr: chunk => {
        printed.stderr += chunk;
      },
      stdin: (async function* () {
        yield* stdin;
      })(),
    },
  );
  return { status, ...printed };
};

describe('bsm', () => {
  it('prints a trail as praudit -r does', async () => {
    expect(await run({ paths: [fixture('processes.trail')] })).toEqual({
      status: 0,
      stdout: await readFile(fixture('processes.txt'), 'utf8'),
      stderr: '',
    });
  });

  it('prints what can be read of a damaged trail, and where it cannot', async () => {
    const { status, stdout, stderr } = await run({ paths: [fixture('damaged.trail')] });
    const { problems } = JSON.parse(await readFile(fixture('damaged.json'), 'utf8'));
    expect(status).toBe(1);
    expect(stdout).toBe(await readFile(fixture('damaged.txt'), 'utf8'));
    expect(stderr).toBe(
      problems.map((line: string) => `bsm: ${fixture('damaged.trail')}: ${line}\n`).join(''),
    );
  });

  it('prints JSON, a line for each record', async () => {
    const trail = await file(
      'one',
      record(32800, [subject32(), SAMPLE_TOKENS.arg64, SAMPLE_TOKENS.opaque, text('hello')]),
    );
    const { status, stdout } = await run({ paths: [trail], json: true });
    expect(status).toBe(0);
    expect(stdout.endsWith('}\n')).toBe(true);
    expect(JSON.parse(stdout)).toEqual({
      kind: 'record',
      number: 1,
      offset: 0,
      length: 95,
      event: 'openssh',
      header: {
        kind: 'header32',
        version: 11,
        event: 32800,
        modifier: 0,
        seconds: 1716298620,
        milliseconds: 123,
      },
      tokens: [
        subject32(),
        { kind: 'arg64', number: 1, value: '18446744073709551615', text: 'addr' },
        { kind: 'opaque', bytes: '0001feff' },
        { kind: 'text', text: 'hello' },
      ],
    });
  });

  it('names the error of a failed call in JSON', async () => {
    const trail = await file('failed', record(32, [subject32(), { kind: 'return32', error: 146, value: 0 }]));
    expect(JSON.parse((await run({ paths: [trail], json: true })).stdout)).toMatchObject({
      event: 'CONNECT',
      error: 'ECONNREFUSED',
    });
  });

  it('prints JSON of every token, bare file tokens and damage', async () => {
    for (const name of ['every-token.trail', 'damaged.trail']) {
      const { stdout } = await run({ paths: [fixture(name)], json: true });
      const lines = stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line));
      expect(lines.filter(({ kind }) => kind === 'file').length).toBeGreaterThan(0);
      expect(lines.some(({ damage }) => damage !== undefined)).toBe(name === 'damaged.trail');
    }
  });

  it('takes several trails, directories and standard input, and another delimiter', async () => {
    const trail = record(1, [SAMPLE_TOKENS.seq]);
    await file('20240521133700.20240521140000', trail);
    expect(
      await run({ paths: [directory, '-'], delimiter: ' ' }, [trail.subarray(0, 9), trail.subarray(9)]),
    ).toEqual({
      status: 0,
      stdout: '20 30 11 1 0 1716298620 123\n47 4294967295\n19 30\n'.repeat(2),
      stderr: '',
    });
  });

  it('goes on with the next file behind one that cannot be read', async () => {
    const trail = await file('good', record(1, [succeeded()]));
    const { status, stdout, stderr } = await run({ paths: [join(directory, 'gone'), trail] });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `bsm: ${join(directory, 'gone')}: no such file or directory\n`,
    });
    expect(stdout).toContain('39,0,0');
  });

  it('says of an empty file and of one that is no trail what they are', async () => {
    const empty = await file('empty', '');
    expect(await run({ paths: [empty] })).toEqual({
      status: 1,
      stdout: '',
      stderr: `bsm: ${empty}: offset 0: empty: an audit trail begins with a record\n`,
    });
    const log = await file('log', 'node=web1 type=SYSCALL\n');
    expect(await run({ paths: [log] })).toEqual({
      status: 1,
      stdout: '',
      stderr:
        `bsm: ${log}: offset 0: 23 bytes skipped: byte 0x6e begins neither a header (0x14, 0x15, 0x74, 0x79) nor a file token (0x11)\n` +
        `bsm: ${log}: it contains no record, so it is not an audit trail\n`,
    });
  });

  it('waits for whoever reads it', async () => {
    let waiting = 0;
    let most = 0;
    await printTrails(
      { paths: [fixture('users.trail')], json: false, delimiter: ',' },
      {
        stdout: async () => {
          most = Math.max(most, ++waiting);
          await new Promise(resolve => setImmediate(resolve));
          waiting--;
        },
        stderr: () => {},
        stdin: (async function* () {})(),
      },
    );
    expect(most).toBe(1);
  });
});

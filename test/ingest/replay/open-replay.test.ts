import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkReplay, openReplay, REPLAY_CHUNK_BYTES } from '../../../src/ingest/replay/open-replay.ts';
import { ReplayError } from '../../../src/ingest/replay/replay-error.ts';
import { replayFormat } from '../../../src/ingest/replay/replay-format.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'replay-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
};

describe('the form is told by content', () => {
  test.each([
    ['type=SYSCALL msg=audit(1.000:1): a=b\n', 'audit-log'],
    ['\n\n# x\n1300 audit(1.000:1): a=b', 'audit-log'],
    ['', 'audit-log'],
    ['type=SYSCALL msg=aud', 'audit-log'],
    ['\x14\x00\x00\x00\x3c\x0b\x00\x17', 'bsm-trail'],
    ['t\x00\x00\x00\x3c\x0b', 'bsm-trail'],
    ['root:x:0:0\nbin:x:1:1\n', 'unknown'],
    ['\x1f\x8b\x08\x00', 'unknown'],
    ['\x00\x00\x00', 'unknown'],
  ])('%j is %s', (text, kind) => {
    expect(replayFormat(Buffer.from(text, 'latin1')).kind).toBe(kind);
  });

  test('the detector of trails can be given', () => {
    expect(replayFormat(Buffer.from('trail'), () => true).kind).toBe('bsm-trail');
  });
});

test('a log longer than one read gives every record in order', async () => {
  const count = 3000;
  const text = Array.from({ length: count }, (_, i) => `type=EOE msg=audit(1.000:${i}): \n`).join('');
  expect(text.length).toBeGreaterThan(REPLAY_CHUNK_BYTES);
  const replay = await openReplay(file('long.log', text));
  if (replay.kind !== 'audit-log') throw new Error(replay.kind);
  const serials: number[] = [];
  for await (const batch of replay.records) {
    for (const record of batch)
      serials.push(Number(/:(\d+)\)/.exec(Buffer.from(record.payload).toString())?.[1]));
  }
  expect(serials).toEqual(Array.from({ length: count }, (_, i) => i));
  expect(replay.counters).toMatchObject({ lines: count, records: count, malformed: 0 });
  await replay.close();
});

test('a trail gives its bytes', async () => {
  const bytes = Buffer.concat([Buffer.from([0x14, 0, 2, 0, 0, 11]), Buffer.alloc(REPLAY_CHUNK_BYTES, 7)]);
  const replay = await openReplay(file('trail', bytes));
  if (replay.kind !== 'bsm-trail') throw new Error(replay.kind);
  const chunks: Uint8Array[] = [];
  expect(replay.trails.map(({ path }) => path)).toEqual([replay.path]);
  for await (const chunk of replay.trails[0]!.chunks) chunks.push(chunk);
  expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
});

test('a directory gives its trails, oldest first, whatever is in them, and leaves out the rest', async () => {
  const trails = join(directory, 'audit');
  mkdirSync(trails);
  const names = ['20240521133700.20240521140000', '20240521140001.not_terminated'];
  for (const name of [...names].reverse()) writeFileSync(join(trails, name), name);
  writeFileSync(join(trails, 'notes.txt'), 'notes');
  symlinkSync(names[1]!, join(trails, 'current'));

  const replay = await openReplay(trails);
  if (replay.kind !== 'bsm-trail') throw new Error(replay.kind);
  const contents: string[] = [];
  for (const { path, chunks } of replay.trails) {
    for await (const chunk of chunks) contents.push(`${path} ${Buffer.from(chunk)}`);
  }
  expect(contents).toEqual(names.map(name => `${join(trails, name)} ${name}`));
  await checkReplay(trails);

  rmSync(join(trails, names[0]!));
  symlinkSync('gone', join(trails, names[0]!));
  await expect(checkReplay(trails)).rejects.toThrow(
    new ReplayError('unreadable', `replay file "${join(trails, names[0]!)}" cannot be read: no such file`),
  );
});

test('what cannot be replayed is refused with one line', async () => {
  const refusal = async (path: string): Promise<ReplayError> => {
    const errors = await Promise.all(
      [openReplay(path), checkReplay(path)].map(opened =>
        opened.then(
          () => undefined,
          (cause: unknown) => cause,
        ),
      ),
    );
    expect(errors[0]).toBeInstanceOf(ReplayError);
    expect(String(errors[1])).toBe(String(errors[0]));
    return errors[0] as ReplayError;
  };
  const missing = await refusal(join(directory, 'none'));
  expect(missing).toMatchObject({ code: 'unreadable' });
  expect(missing.message).toMatch(/^replay file ".*none" cannot be read: no such file$/);
  const logs = join(directory, 'logs');
  mkdirSync(logs);
  writeFileSync(join(logs, 'audit.log'), 'type=EOE msg=audit(1.000:1): \n');
  expect(await refusal(logs)).toMatchObject({
    code: 'no-trails',
    message: `replay directory "${logs}" holds no audit trail: expected names such as 20240521133700.20240521140000; to replay another file, name the file itself`,
  });
  const other = await refusal(file('passwd', 'root:x:0:0\n'));
  expect(other).toMatchObject({ code: 'unknown-format' });
  expect(other.message).toMatch(/neither an audit log .* nor a BSM trail \(offset 0: /);
  expect((await refusal(file('log.gz', gzipSync('x')))).message).toContain(
    'compressed with gzip: unpack it first',
  );
});

test('a file that can be replayed, and a device, pass the early check', async () => {
  await checkReplay(file('fine.log', 'type=EOE msg=audit(1.000:1): \n'));
  await checkReplay('/dev/null');
});

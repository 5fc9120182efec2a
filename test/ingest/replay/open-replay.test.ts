import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REPLAY_CHUNK_BYTES } from '../../../src/ingest/replay/file-bytes.ts';
import { checkReplay, planReplay } from '../../../src/ingest/replay/open-replay.ts';
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
  ])('%j is %s', (text, kind) => {
    expect(replayFormat(Buffer.from(text, 'latin1')).kind).toBe(kind);
  });

  test('the detector of trails can be given', () => {
    expect(replayFormat(Buffer.from('trail'), () => true).kind).toBe('bsm-trail');
  });
});

const contentOf = async (path: string): Promise<Buffer> => {
  const { files } = await planReplay([path]);
  const parts: Buffer[] = [];
  for (const file of files)
    for await (const chunk of (await file.open()).chunks) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
};
const record = (seconds: number, serial = 1): string => `type=EOE msg=audit(${seconds}.000:${serial}): \n`;

test('a log longer than one read gives all of its bytes', async () => {
  const text = Array.from({ length: 60_000 }, (_, i) => record(1, i)).join('');
  expect(text.length).toBeGreaterThan(REPLAY_CHUNK_BYTES);
  expect((await contentOf(file('long.log', text))).toString()).toBe(text);
});

test('a trail gives its bytes', async () => {
  const bytes = Buffer.concat([Buffer.from([0x14, 0, 2, 0, 0, 11]), Buffer.alloc(REPLAY_CHUNK_BYTES, 7)]);
  const path = file('trail', bytes);
  expect((await planReplay([path])).files).toMatchObject([{ path, kind: 'bsm-trail' }]);
  expect((await contentOf(path)).equals(bytes)).toBe(true);
});

test('a directory gives its trails, oldest first, whatever is in them, and leaves out the rest', async () => {
  const trails = join(directory, 'audit');
  mkdirSync(trails);
  const names = ['20240521133700.20240521140000', '20240521140001.not_terminated'];
  for (const name of [...names].reverse()) writeFileSync(join(trails, name), name);
  writeFileSync(join(trails, 'notes.txt'), 'notes');
  symlinkSync(names[1]!, join(trails, 'current'));
  const { files } = await planReplay([trails]);
  expect(files.map(({ path, kind }) => `${kind} ${path}`)).toEqual(
    names.map(name => `bsm-trail ${join(trails, name)}`),
  );
  await checkReplay(trails);

  rmSync(join(trails, names[0]!));
  symlinkSync('gone', join(trails, names[0]!));
  await expect(checkReplay(trails)).rejects.toThrow(
    new ReplayError('unreadable', `replay file "${join(trails, names[0]!)}" cannot be read: no such file`),
  );
});

test('rotated logs come oldest first, packed ones among them, and what else is there is left out', async () => {
  const logs = join(directory, 'var-log-audit');
  mkdirSync(logs);
  writeFileSync(join(logs, 'audit.log'), record(400));
  writeFileSync(join(logs, 'audit.log.1'), record(300));
  writeFileSync(join(logs, 'audit.log.2.gz'), gzipSync(record(200)));
  writeFileSync(join(logs, 'audit.log.10.zst'), zstdCompressSync(record(100)));
  writeFileSync(join(logs, 'README'), 'what is here\n');
  const { files, leftOut } = await planReplay([logs]);
  expect(files.map(({ path }) => path.slice(logs.length + 1))).toEqual([
    'audit.log.10.zst',
    'audit.log.2.gz',
    'audit.log.1',
    'audit.log',
  ]);
  expect(leftOut).toEqual([join(logs, 'README')]);
  expect((await contentOf(logs)).toString()).toBe(
    [100, 200, 300, 400].map(seconds => record(seconds)).join(''),
  );
  const given = [join(logs, 'audit.log'), join(logs, 'audit.log.2.gz'), join(logs, 'audit.log.1')];
  expect((await planReplay(given)).files.map(({ path }) => path)).toEqual([given[1], given[2], given[0]]);
});

test('what was UTF-16, or has a byte order mark, is read as the text it is', async () => {
  const text = `${record(1)}type=CWD msg=audit(1.000:1): cwd="/x"\n`;
  const utf16 = Buffer.from(`\ufeff${text}`, 'utf16le');
  expect((await contentOf(file('le.log', utf16))).toString()).toBe(text);
  expect((await contentOf(file('be.log', Buffer.from(utf16).swap16()))).toString()).toBe(text);
  expect((await contentOf(file('bom.log', `\ufeff${text}`))).toString()).toBe(text);
});

test('a packed log that is cut off gives what there is, and says so', async () => {
  const packed = gzipSync(Array.from({ length: 5_000 }, (_, i) => record(i, i * 7919)).join(''));
  const [replay] = (await planReplay([file('cut.gz', packed.subarray(0, -20))])).files;
  const bytes = await replay!.open();
  let length = 0;
  for await (const chunk of bytes.chunks) length += chunk.length;
  expect(length).toBeGreaterThan(10_000);
  expect(bytes.problem()).toMatch(/^its gzip data is damaged or cut off/);
});

test('what cannot be replayed is refused with one line, which says what it is', async () => {
  const refusal = async (path: string): Promise<ReplayError> => {
    const errors = await Promise.all(
      [planReplay([path]), checkReplay(path)].map(opened =>
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
  const nothing = join(directory, 'nothing');
  mkdirSync(nothing);
  writeFileSync(join(nothing, 'notes.txt'), 'notes\n');
  expect(await refusal(nothing)).toMatchObject({
    code: 'nothing-there',
    message: `replay directory "${nothing}" holds neither audit logs, such as audit.log and audit.log.1, nor BSM trails, such as 20240521133700.20240521140000`,
  });
  const other = await refusal(file('passwd', 'root:x:0:0\n'));
  expect(other).toMatchObject({ code: 'unknown-format' });
  expect(other.message).toMatch(/is text, but no audit log: .* Give audit\.log, or what "ausearch --raw"/);
  expect((await refusal(file('x.journal', 'LPKSHHRH\0\0'))).message).toContain(
    'is a systemd journal: give what',
  );
  expect((await refusal(file('pretty.json', '[\n  {\n    "a": 1\n  }\n]\n'))).message).toContain(
    'JSON over several lines',
  );
  expect(
    (await refusal(file('interpreted', 'type=SYSCALL msg=audit(30.11.2026 13:37:56.1:2) : arch=x86_64\n')))
      .message,
  ).toContain('ausearch --raw');
  expect((await refusal(file('log.gz', gzipSync('x\n')))).message).toContain('is text, but no audit log');
  expect((await refusal(file('binary', Buffer.from([0, 1, 2, 0, 3])))).message).toMatch(
    /nor a BSM trail \(offset 0: /,
  );
});

test('a file that can be replayed, standard input, and a device pass the early check', async () => {
  await checkReplay(file('fine.log', record(1)));
  await checkReplay('/dev/null');
  await checkReplay('-');
});

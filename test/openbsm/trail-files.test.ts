import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OpenBsmError } from '../../src/openbsm/errors.ts';
import { readTrailFile, trailFiles, trailNames } from '../../src/openbsm/trail-files.ts';

let directory: string;
const older = '20240520000000.crash_recovery';
const old = '20240521133700.20240521140000';
const open = '20240521140001.not_terminated';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trails-'));
  for (const name of [open, old, older, 'notes.txt']) await writeFile(join(directory, name), name);
  await symlink(open, join(directory, 'current'));
  await mkdir(join(directory, 'dist'));
});
afterAll(() => rm(directory, { recursive: true }));

describe('trailNames', () => {
  it('takes trails, oldest first, and neither the link to the current one nor anything else', () => {
    expect(trailNames([open, 'current', 'dist', old, `${old}.gz`, older, '.', '20240521133700'])).toEqual([
      older,
      old,
      open,
    ]);
  });
});

describe('trailFiles', () => {
  it('lists a directory', async () => {
    expect(await trailFiles(directory)).toEqual([older, old, open].map(name => join(directory, name)));
  });

  it('takes a file, or a link to one, as it is', async () => {
    expect(await trailFiles(join(directory, 'current'))).toEqual([join(directory, 'current')]);
    expect(await trailFiles(join(directory, 'notes.txt'))).toEqual([join(directory, 'notes.txt')]);
  });

  it('says what is missing', async () => {
    await expect(trailFiles(join(directory, 'gone'))).rejects.toThrow(
      new OpenBsmError('not-found', `${join(directory, 'gone')}: no such file or directory`),
    );
    await expect(trailFiles(join(directory, 'dist'))).rejects.toMatchObject({
      code: 'empty-directory',
      message: expect.stringContaining('no audit trail in this directory'),
    });
  });
});

describe('readTrailFile', () => {
  it('reads through a link', async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of readTrailFile(join(directory, 'current'))) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe(open);
  });

  it('says why it cannot', async () => {
    await expect(readTrailFile(join(directory, 'gone')).next()).rejects.toMatchObject({ code: 'not-found' });
    await expect(readTrailFile(directory).next()).rejects.toMatchObject({ code: 'unreadable' });
  });
});

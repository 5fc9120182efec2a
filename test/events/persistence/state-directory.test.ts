import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStateDirectory } from '../../../src/events/persistence/state-directory.ts';
import { temporaryDirectory } from './temporary-directory.ts';

describe('openStateDirectory', () => {
  it('makes a directory for its owner alone', async () => {
    using directory = temporaryDirectory();
    const { path, release } = await openStateDirectory(join(directory.path, 'new'));
    expect(statSync(path).mode & 0o777).toBe(0o700);
    release();
  });

  it('has one user at a time', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'state');
    const { release } = await openStateDirectory(path);
    await expect(openStateDirectory(path)).rejects.toThrow('another instance uses');
    release();
    (await openStateDirectory(path)).release();
  });

  it('waits for one that is ending', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'state');
    const { release } = await openStateDirectory(path);
    const next = openStateDirectory(path);
    release();
    (await next).release();
  });

  it('refuses one that others can enter, with the way to mend it', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'state');
    mkdirSync(path);
    chmodSync(path, 0o755);
    await expect(openStateDirectory(path)).rejects.toThrow(`chmod 0700 ${path}`);
    chmodSync(path, 0o777);
    await expect(openStateDirectory(path)).rejects.toThrow('writable by others');
  });

  it('makes nothing where others could have put something', async () => {
    using directory = temporaryDirectory();
    const parent = join(directory.path, 'open');
    mkdirSync(parent);
    chmodSync(parent, 0o777);
    await expect(openStateDirectory(join(parent, 'state'))).rejects.toThrow('writable by others');
    expect(existsSync(join(parent, 'state'))).toBe(false);
  });

  it('follows no link that was put in the place of its lock', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'state');
    mkdirSync(path, { mode: 0o700 });
    const elsewhere = join(directory.path, 'elsewhere');
    symlinkSync(elsewhere, join(path, 'lock'));
    await expect(openStateDirectory(path)).rejects.toMatchObject({ code: 'ELOOP' });
    expect(existsSync(elsewhere)).toBe(false);
  });

  it('refuses what is no directory', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'file');
    writeFileSync(path, '');
    await expect(openStateDirectory(path)).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(openStateDirectory('/proc/no')).rejects.toThrow('ENOENT');
    await expect(openStateDirectory(join(directory.path, 'a', 'b'))).rejects.toThrow('ENOENT');
  });
});

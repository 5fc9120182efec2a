import { chmodSync, chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { trustedDirectory } from '../../src/runtime/trusted-directory.ts';
import { unless, whyNotRoot } from '../unless.ts';

/** Links are put in their places just after the real path was found. */
let isChangedMeanwhile = false;
vi.mock('node:fs', async original => {
  const fs = await original<typeof import('node:fs')>();
  return {
    ...fs,
    realpathSync: (path: string) => (isChangedMeanwhile ? path : fs.realpathSync(path)),
  };
});

let top: string;

beforeEach(() => {
  top = realpathSync(mkdtempSync(join(tmpdir(), 'trusted-')));
  mkdirSync(join(top, 'inner'), { mode: 0o700 });
});
afterEach(() => rmSync(top, { recursive: true }));

describe('trustedDirectory', () => {
  test('takes a directory of our own below a sticky one', () => {
    expect(trustedDirectory(join(top, 'inner'))).toBe(join(top, 'inner'));
  });

  test('answers where a link leads', () => {
    symlinkSync(join(top, 'inner'), join(top, 'link'));
    expect(trustedDirectory(join(top, 'link'))).toBe(join(top, 'inner'));
  });

  test.each(['', '/inner'])('refuses what has become a link meanwhile: LINK%s', below => {
    mkdirSync(join(top, 'other'));
    mkdirSync(join(top, 'other/inner'));
    symlinkSync(join(top, 'other'), join(top, 'link'));
    isChangedMeanwhile = true;
    try {
      expect(() => trustedDirectory(join(top, 'link') + below)).toThrow('is a link now');
    } finally {
      isChangedMeanwhile = false;
    }
  });

  test.each([0o777, 0o770, 0o722])('refuses one that others may write to: %o', mode => {
    chmodSync(join(top, 'inner'), mode);
    expect(() => trustedDirectory(join(top, 'inner'))).toThrow(
      `${join(top, 'inner')} is writable by others (mode 0${mode.toString(8)})`,
    );
  });

  test('refuses one below a directory that others may write to', () => {
    chmodSync(top, 0o777);
    expect(() => trustedDirectory(join(top, 'inner'))).toThrow(`${top} is writable by others (mode 0777)`);
  });

  test('takes one that others may write to but not rename in', () => {
    chmodSync(join(top, 'inner'), 0o1777);
    expect(trustedDirectory(join(top, 'inner'))).toBe(join(top, 'inner'));
  });

  test('refuses one of another user', unless(whyNotRoot), () => {
    chownSync(join(top, 'inner'), 65534, 65534);
    expect(() => trustedDirectory(join(top, 'inner'))).toThrow('belongs to another user (uid 65534)');
  });

  test('refuses one that is not there', () => {
    expect(() => trustedDirectory(join(top, 'missing'))).toThrow('ENOENT');
  });
});

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookAtAccounts, parseHostName } from '../../../src/model/accounts/look-at-accounts.ts';
import { innerUid, parseUidMap } from '../../../src/model/accounts/uid-map.ts';
import { ProcfsReader } from '../../../src/model/procfs/reader.ts';
import { makeFifo } from '../../make-fifo.ts';
import { unless, whyNotLinux } from '../../unless.ts';

const MOUNT = 4_026_531_900;
const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n';
const IDENTITY = '         0          0 4294967295\n';

describe('lookAtAccounts', unless(whyNotLinux), () => {
  let top: string;
  let etc: string;
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'proc-'));
    etc = join(top, 'image/etc');
    mkdirSync(etc, { recursive: true });
    mkdirSync(join(top, '100/ns'), { recursive: true });
    symlinkSync(`mnt:[${MOUNT}]`, join(top, '100/ns/mnt'));
    symlinkSync(join(top, 'image'), join(top, '100/root'));
    writeFileSync(join(top, '100/uid_map'), IDENTITY);
  });
  afterEach(() => rmSync(top, { recursive: true }));
  const look = (...uids: number[]) => lookAtAccounts(new ProcfsReader(top), { pid: 100, mount: MOUNT, uids });

  it('names uids as the root directory of the process has them', () => {
    writeFileSync(join(etc, 'passwd'), PASSWD);
    writeFileSync(join(etc, 'hostname'), 'web-7f9c\n');
    expect(look(1000, 0, 7)).toEqual({
      isHost: false,
      hostName: 'web-7f9c',
      accounts: [
        { uid: 1000, inner: 1000, name: 'node' },
        { uid: 0, inner: 0, name: 'root' },
        { uid: 7, inner: 7, name: undefined },
      ],
    });
  });

  it('names uids of a user namespace by what they are there', () => {
    writeFileSync(join(etc, 'passwd'), PASSWD);
    writeFileSync(join(top, '100/uid_map'), '0 100000 65536\n');
    expect(look(101_000, 1000)?.accounts).toEqual([
      { uid: 101_000, inner: 1000, name: 'node' },
      { uid: 1000, inner: undefined, name: undefined },
    ]);
  });

  it('tells the accounts of the host by the file itself', () => {
    symlinkSync('/', join(top, 'host'));
    rmSync(join(top, '100/root'));
    symlinkSync('/', join(top, '100/root'));
    expect(look(0)).toMatchObject({ isHost: true, accounts: [{ name: 'root' }] });
  });

  it('says nothing of a process that is gone, or has its pid from another', () => {
    expect(lookAtAccounts(new ProcfsReader(top), { pid: 101, mount: MOUNT, uids: [0] })).toBeUndefined();
    expect(lookAtAccounts(new ProcfsReader(top), { pid: 100, mount: 1, uids: [0] })).toBeUndefined();
  });

  it('says nothing of a container that ends while it is looked at', () => {
    writeFileSync(join(etc, 'passwd'), PASSWD);
    class Ending extends ProcfsReader {
      #looks = 0;
      override link(...of: Parameters<ProcfsReader['link']>): string | undefined {
        return ++this.#looks === 1 ? super.link(...of) : undefined;
      }
    }
    expect(lookAtAccounts(new Ending(top), { pid: 100, mount: MOUNT, uids: [0] })).toBeUndefined();
    // Its root directory may be gone before.
    rmSync(join(top, '100/root'));
    expect(look(0)).toMatchObject({ isHost: false, accounts: [{ uid: 0, name: undefined }] });
  });

  it.each<[string, () => void]>([
    ['there is none', () => {}],
    ['a link to a file of the host', () => symlinkSync('/etc/passwd', join(etc, 'passwd'))],
    ['a link to a file that only root reads', () => symlinkSync('/etc/shadow', join(etc, 'passwd'))],
    ['a pipe that nobody writes to', () => makeFifo(join(etc, 'passwd'))],
    ['a directory', () => mkdirSync(join(etc, 'passwd'))],
    ['a device', () => symlinkSync('/dev/zero', join(etc, 'passwd'))],
    [
      'of 1 GiB',
      () => {
        writeFileSync(join(etc, 'passwd'), PASSWD);
        truncateSync(join(etc, 'passwd'), 2 ** 30);
      },
    ],
    [
      'below a link in place of etc',
      () => {
        rmSync(etc, { recursive: true });
        symlinkSync('/etc', etc);
      },
    ],
  ])('names nobody where passwd is not what it should be: %s', (_what, make) => {
    make();
    expect(look(0)).toMatchObject({ isHost: false, accounts: [{ uid: 0, name: undefined }] });
  });
});

describe('parseUidMap', () => {
  it('reads its lines, and leaves out what is none', () => {
    const map = parseUidMap(
      Buffer.from('         0       1000          1\n 1 100000 65536\nx\n1 2\n0 99999999999 1\n'),
    );
    expect(map).toEqual([
      { inside: 0, outside: 1000, count: 1 },
      { inside: 1, outside: 100_000, count: 65_536 },
    ]);
    expect([1000, 100_000, 165_535, 165_536, 0].map(uid => innerUid(map, uid))).toEqual([
      ...[0, 1, 65_536],
      ...[undefined, undefined],
    ]);
  });

  it('takes any bytes', () => {
    fc.assert(fc.property(fc.uint8Array(), bytes => void parseUidMap(bytes)));
  });
});

describe('parseHostName', () => {
  it.each([
    ['web-1\n', 'web-1'],
    ['web-1', 'web-1'],
    ['a b\n', undefined],
    ['\nweb\n', undefined],
    ['-x\n', undefined],
    ['', undefined],
  ])('%j is %j', (text, name) => {
    expect(parseHostName(Buffer.from(text))).toBe(name);
  });
});

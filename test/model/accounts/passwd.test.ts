import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitAccount } from '../../../src/model/accounts/account.ts';
import { parseGetent } from '../../../src/model/accounts/getent.ts';
import { MAX_PASSWD_ENTRIES, parsePasswd, parsePasswdLine } from '../../../src/model/accounts/passwd.ts';

describe('parsePasswd', () => {
  it('gives a uid the name of its first entry', () => {
    const text =
      'root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\nalice:x:1000:1000:A,,,:/home/alice:\n';
    expect([...parsePasswd(Buffer.from(text))]).toEqual([
      [0, 'root'],
      [1000, 'alice'],
    ]);
  });

  it.each([
    ['# comment:x:1:1:::'],
    ['+nis:x:1:1:::'],
    ['-nis:x:1:1:::'],
    ['+::::::'],
    [':x:1:1:::'],
    ['short:x:1'],
    ['neg:x:-1:1:::'],
    ['unset:x:4294967295:1:::'],
    ['text:x:one:1:::'],
    [''],
  ])('passes over %j', line => {
    expect(parsePasswdLine(line)).toBeUndefined();
  });

  it("has root in this system's file", () => {
    expect(parsePasswd(readFileSync('/etc/passwd')).get(0)).toBe('root');
  });

  it('reads no more entries than its limit', () => {
    const text = Array.from({ length: MAX_PASSWD_ENTRIES + 10 }, (_, uid) => `u${uid}:x:${uid}:1:::`).join(
      '\n',
    );
    expect(parsePasswd(Buffer.from(text)).size).toBe(MAX_PASSWD_ENTRIES);
  });

  it('reads back any names', () => {
    const name = fc.stringMatching(/^[a-z_][a-zA-Z0-9_.@$\\-]{0,30}$/);
    const entry = fc.record({ name, uid: fc.integer({ min: 0, max: 4_294_967_294 }) });
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: ({ uid }) => uid }), entries => {
        const text = entries.map(({ name, uid }) => `${name}:x:${uid}:${uid}:g:/h:/s\n`).join('');
        expect([...parsePasswd(Buffer.from(text))]).toEqual(entries.map(({ uid, name }) => [uid, name]));
      }),
    );
  });

  it('takes any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        parsePasswd(bytes);
      }),
    );
  });
});

describe('parseGetent', () => {
  const output = 'CORP\\alice:*:70001:70001:Alice:/home/alice:/bin/bash\n';

  const alice = new Map([[70_001, 'CORP\\alice']]);

  it('takes the names of the uids that were asked for', () => {
    expect(parseGetent(Buffer.from(output), [70_001, 5])).toEqual(alice);
    expect(parseGetent(Buffer.from(output), [7000])).toEqual(new Map());
    expect(parseGetent(Buffer.from(`${output}bob:*:5:5:::\n`), [5, 70_001])).toEqual(
      new Map([...alice, [5, 'bob']]),
    );
  });

  it('takes no entry that was cut off, and none that is not whole', () => {
    for (let length = 0; length < output.length; length++) {
      expect(parseGetent(Buffer.from(output).subarray(0, length), [70_001])).toEqual(new Map());
    }
    expect(parseGetent(Buffer.from(`x\n${output}`), [70_001])).toEqual(alice);
  });

  it('takes any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        parseGetent(bytes, [0]);
      }),
    );
  });
});

describe('splitAccount', () => {
  it.each([
    ['alice', 'alice', undefined],
    ['CORP\\alice', 'alice', 'CORP'],
    ['alice@corp.example', 'alice', 'corp.example'],
    ['a@b@corp.example', 'a@b', 'corp.example'],
    ['CORP\\a@b', 'a@b', 'CORP'],
    ['\\alice', '\\alice', undefined],
    ['alice@', 'alice@', undefined],
    ['@corp', '@corp', undefined],
  ])('%s', (username, name, domain) => {
    expect(splitAccount(username)).toEqual({ name, domain, username });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { UserEvent } from '../../src/audit/audit-event.ts';
import { readUserEvent } from '../../src/audit/user-event.ts';
import { record, STAMP, untrusted } from './kernel-records.ts';

const AUDIT_USER_AUTH = 1100;
const read = (fields: string, type = AUDIT_USER_AUTH): UserEvent | undefined =>
  readUserEvent(record(type, fields));
const message = (inner: string): UserEvent => read(`pid=14081 uid=0 auid=1000 ses=3 msg='${inner}'`)!;

describe('readUserEvent', () => {
  it('reads what PAM writes', () => {
    const inner =
      'op=PAM:authentication grantors=pam_rootok acct="nobody" exe="/usr/bin/su" hostname=? addr=192.0.2.1 terminal=pts/0 res=success';
    expect(message(inner)).toEqual({
      kind: 'user',
      ...STAMP,
      type: AUDIT_USER_AUTH,
      pid: 14081,
      uid: 0,
      auid: 1000,
      ses: 3,
      message: inner,
      path: '/usr/bin/su',
      address: '192.0.2.1',
      terminal: 'pts/0',
      acct: 'nobody',
      hostname: undefined,
      op: 'PAM:authentication',
      res: 'success',
    });
  });

  it('reads what systemd and sudo write', () => {
    expect(
      message(
        'unit=ssh comm="systemd" exe="/usr/lib/systemd/systemd" hostname=? addr=? terminal=? res=success',
      ),
    ).toMatchObject({ path: '/usr/lib/systemd/systemd', res: 'success', op: undefined, terminal: undefined });
    expect(message('cwd="/root" cmd=6C73202D6C exe="/usr/bin/sudo" terminal=pts/1 res=failed')).toMatchObject(
      {
        command: 'ls -l',
        message: 'cwd="/root" cmd=6C73202D6C exe="/usr/bin/sudo" terminal=pts/1 res=failed',
        terminal: 'pts/1',
        res: 'failed',
      },
    );
  });

  it('decodes names that libaudit had to encode', () => {
    expect(message('acct=6576696C2022757365722220 exe=2F746D702F612062 res=failed')).toMatchObject({
      acct: 'evil "user" ',
      path: '/tmp/a b',
    });
    expect(message('acct="DEADBEEF" hostname=DEADBEEF')).toMatchObject({
      acct: 'DEADBEEF',
      hostname: 'DEADBEEF',
    });
  });

  it('reads a record with a security context, and of old kernels', () => {
    expect(
      read("pid=1 uid=0 auid=4294967295 ses=4294967295 subj=system_u:system_r:init_t:s0 msg='op=x'"),
    ).toMatchObject({ pid: 1, ses: 4294967295, op: 'x', message: 'op=x' });
    expect(read("user pid=2 uid=0 auid=500 msg='op=x'")).toMatchObject({ pid: 2, ses: undefined, op: 'x' });
  });

  it('reads a message without quotes to the end of the record', () => {
    expect(read('pid=1 uid=0 auid=0 ses=1 msg=a b acct="x" c')).toMatchObject({
      message: 'a b acct="x" c',
      acct: 'x',
    });
  });

  it('has an empty message where there is none', () => {
    expect(message('')).toMatchObject({ message: '', op: undefined });
  });

  it('reads what was typed from USER_TTY', () => {
    expect(read(`pid=1 uid=0 auid=0 ses=1 data=${untrusted('ls -l\r')}`, 1124)).toMatchObject({
      message: 'ls -l\r',
    });
    expect(read('pid=1 uid=0 auid=0 ses=1 data="exit"', 1124)).toMatchObject({ message: 'exit' });
  });

  describe('is not misled by the text of a program', () => {
    it.each([
      ['kernel fields', 'pid=1 uid=0 auid=0 ses=1 op=x'],
      ['a message in the message', "op=x' pid=1 uid=0 auid=0 ses=1 msg='op=y"],
      ['an apostrophe', 'op=x acct="it\'s" res=success'],
      ['a trailing apostrophe', "op=x'"],
      ['nothing but apostrophes', "''''"],
      ['an open quote', 'op=x acct="root'],
      ['a header', 'op=x audit(1.1:1): pid=1'],
      ['a control character', 'op=x \x1b[2J\x07'],
    ])('%s', (_, inner) => {
      expect(message(inner)).toMatchObject({ pid: 14081, uid: 0, auid: 1000, ses: 3, message: inner });
      expect(message(inner)).toMatchObject(
        inner.startsWith('op=') ? { op: inner.match(/^op=([^\s']+)/)![1] } : {},
      );
    });

    it('uid=1000 stays what it is', () => {
      expect(message('uid=1000')).toMatchObject({ uid: 0, message: 'uid=1000' });
    });

    it('the first field of a name counts, as the program’s own come before what it was given', () => {
      expect(message('acct="alice" exe="/usr/bin/su" terminal=x acct="root" exe="/bin/evil"')).toMatchObject({
        acct: 'alice',
        path: '/usr/bin/su',
      });
      expect(message('pid=1 pid=2')).toMatchObject({ pid: 14081 });
      expect(read("pid=1 uid=2 auid=3 ses=4 subj=x pid=0 uid=0 auid=0 ses=0 msg=''")).toMatchObject({
        pid: 1,
        uid: 2,
        auid: 3,
        ses: 4,
      });
    });

    it('whatever the text, the kernel’s fields and the text itself stand', () => {
      const word = fc.constantFrom(
        "'",
        '"',
        '=',
        ' ',
        'pid=',
        'uid=',
        'msg=',
        'acct=',
        'exe=',
        'a',
        '?',
        'é',
        '\xff',
      );
      fc.assert(
        fc.property(fc.array(word, { maxLength: 12 }), words => {
          const inner = words.join('');
          expect(message(inner)).toMatchObject({ pid: 14081, uid: 0, auid: 1000, ses: 3 });
          expect(message(inner).message).toBe(
            inner.replaceAll(/[\xe9\xff]/g, byte => `\\x${byte.charCodeAt(0).toString(16).toUpperCase()}`),
          );
        }),
      );
    });
  });

  it.each([
    ['uid=0 auid=0 ses=1'],
    ["pid=1 auid=0 ses=1 msg='op=x'"],
    ["pid=1 uid=0 ses=1 msg='auid=0'"],
    ["pid=x uid=0 auid=0 msg='op=x'"],
    [''],
    ["msg='pid=1 uid=0 auid=0'"],
  ])('needs the kernel’s part: %j', fields => expect(read(fields)).toBeUndefined());

  it('a record cut at any byte has no event: the quote of its message is open', () => {
    const fields =
      'pid=14081 uid=10 auid=1000 ses=3 msg=\'op=PAM:auth acct="nobody" exe="/usr/bin/su" hostname=? addr=1.2.3.4 terminal=pts/0 res=success\'';
    for (let end = 0; end < fields.length; end++) expect(read(fields.slice(0, end))).toBeUndefined();
    expect(read(`pid=1 uid=0 auid=0 ses=1 data=${untrusted('ls -l').slice(0, -1)}`, 1124)).toBeUndefined();
  });

  describe('reads the sentences of old programs', () => {
    const sentences: readonly (readonly [string, Partial<UserEvent>])[] = [
      [
        'PAM: authentication acct="alice" : exe="/usr/sbin/sshd" (hostname=h.example, addr=192.0.2.1, terminal=ssh res=success)',
        {
          acct: 'alice',
          path: '/usr/sbin/sshd',
          hostname: 'h.example',
          address: '192.0.2.1',
          terminal: 'ssh',
          res: 'success',
        },
      ],
      [
        'acct=alice: exe=/usr/sbin/sshd (hostname=?, addr=?, terminal=(none), res=failed)',
        {
          acct: 'alice',
          path: '/usr/sbin/sshd',
          hostname: undefined,
          address: undefined,
          terminal: undefined,
          res: 'failed',
        },
      ],
      [
        'avc: received policyload notice (seqno=2) : exe="/bin/dbus-daemon" (sauid=81, hostname=?, addr=?, terminal=?)',
        { path: '/bin/dbus-daemon', hostname: undefined, address: undefined, terminal: undefined },
      ],
      ['op=change acct=beef res=success', { acct: 'beef' }],
      ['op=login acct="?" hostname="(none)" addr="?" terminal="?"', { acct: undefined, hostname: undefined }],
      [
        'PAM setcred: user=root exe="/usr/bin/login" (hostname=?, addr=?, terminal=tty1 result=Success)',
        { res: 'Success' },
      ],
    ];
    it.each(sentences)('%s', (inner, expected) => {
      const read = message(inner);
      expect(read.message).toBe(inner);
      expect(
        Object.fromEntries(Object.keys(expected).map(key => [key, read[key as keyof UserEvent]])),
      ).toEqual(expected);
    });
  });
});

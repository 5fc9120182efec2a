import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { damage } from '../../src/audit/damage.ts';
import { parseRecord } from '../../src/audit/record.ts';
import { isReport, readRecordEvent } from '../../src/audit/record-event.ts';

const STAMP = 'audit(1795474704.082:386): ';

const read = (fields: string, type = 1400) => {
  const payload = Buffer.from(STAMP + fields, 'latin1');
  damage.records = 0;
  return readRecordEvent(parseRecord(type, payload, 0, payload.length)!);
};
const fieldsOf = (fields: string) => Object.fromEntries(read(fields).fields);

describe('readRecordEvent', () => {
  it('has the whole record as its message, with its header', () => {
    const text = 'avc:  denied  { read } for  pid=1 comm="x" name="y"';
    expect(read(text)).toMatchObject({
      kind: 'record',
      type: 1400,
      seconds: 1795474704,
      milliseconds: 82,
      serial: 386,
      message: STAMP + text,
    });
  });

  it('decodes what the kernel writes as untrusted, in quotes or in hex', () => {
    expect(
      fieldsOf('profile="/usr/bin/x" name=2F746D702F6120620A comm=6122 info="Failed name lookup"'),
    ).toEqual({ profile: '/usr/bin/x', name: '/tmp/a b\n', comm: 'a"', info: 'Failed name lookup' });
  });

  it('takes what only looks like hex of other fields as it is, and the first of a name', () => {
    expect(fieldsOf('operation=ABCD error=-13 pid=7 pid=8')).toEqual({
      operation: 'ABCD',
      error: '-13',
      pid: '7',
    });
  });

  it('leaves out what says that there is none', () => {
    expect(fieldsOf('exe=(null) ses=? tty=(none) comm="x"')).toEqual({ comm: 'x' });
  });

  it('leaves out what is damaged, and counts it', () => {
    expect([...read('apparmor="DENIED" comm=6G pid=1 name="/etc/pas').fields.keys()]).toEqual([
      'apparmor',
      'pid',
    ]);
    expect(damage.records).toBe(1);
  });

  it('says whose it is', () => {
    expect(read('auid=1000 uid=0', 1326)).toMatchObject({ auid: 1000, uid: 0 });
    expect(read('fsuid=33')).toMatchObject({ uid: 33, auid: undefined });
    expect(read('auid=x uid=-1', 1326)).toMatchObject({ auid: undefined, uid: undefined });
  });

  it('reads any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        expect(read(Buffer.from(bytes).toString('latin1')).kind).toBe('record');
      }),
    );
  });

  it('has no value that is not in the record, wherever that is cut', () => {
    const fields =
      'apparmor="DENIED" operation="open" profile="/usr/bin/x" name=2F612062 pid=12 comm="x y" fsuid=0';
    for (let end = 0; end < fields.length; end++) {
      for (const [name, value] of read(fields.slice(0, end)).fields) {
        expect(fields).toContain(`${name}=`);
        if (name !== 'name') expect(fields).toContain(value);
        else expect('/a b'.startsWith(value), value).toBe(true);
      }
    }
  });
});

describe('isReport', () => {
  it.each([1326, 1400, 1401, 1417, 1500, 1507])('%i is one', type => expect(isReport(type)).toBe(true));
  it.each([1300, 1325, 1327, 1399, 1418, 1423, 1499, 1508, 1107])('%i is none', type =>
    expect(isReport(type)).toBe(false),
  );
});

import { expect, test } from 'vitest';
import { InterpretedNames } from '../../../src/audit/interpreted-names.ts';
import { parseRecord } from '../../../src/audit/record.ts';
import { recordedSource } from '../../../src/model/sources/recorded.ts';

const names = (interpreted: string) => {
  const fields = 'audit(1.001:1): arch=c000003e comm="x" exe="/x"';
  const bytes = Buffer.from(`${fields}\x1d${interpreted}`, 'latin1');
  const record = parseRecord(1300, bytes, 0, fields.length)!;
  return new InterpretedNames().of({ ...record, interpretedEnd: bytes.length });
};

test.each([
  ['ARCH=x86_64 AUID="alice" UID="root" GID="root"', { user: 'root', login: 'alice' }],
  ['AUID="unset" UID="bob"', { user: 'bob', login: undefined }],
  ['AUID="unknown(1000)" UID="CORP\\eve"', { user: 'CORP\\eve', login: undefined }],
  ['AUID="unset" UID="unknown(7)"', undefined],
  ['ARCH=x86_64 SYSCALL=execve', undefined],
  ['', undefined],
])('%s has the names %j', (interpreted, expected) => expect(names(interpreted)).toEqual(expected));

test('a record that is not interpreted has no names', () => {
  const bytes = Buffer.from('audit(1.001:1): arch=c000003e UID="root" ');
  expect(new InterpretedNames().of(parseRecord(1300, bytes, 0, bytes.length)!)).toBeUndefined();
});

test('what a log says of host and users becomes the fields of the event', () => {
  const fields = recordedSource().resolve(
    { node: 'web1', names: { user: 'CORP\\bob', login: 'alice' } } as never,
    {} as never,
  );
  expect(fields).toEqual({
    host_name: 'web1',
    user_name: 'bob',
    user_domain: 'CORP',
    user_username: 'CORP\\bob',
    login_user_name: 'alice',
    login_user_domain: undefined,
  });
});

import { expect, test } from 'vitest';
import { checkAuditControl } from '../../../src/doctor/checks/audit-control.ts';
import { coreWith, healthy, troubles } from '../facts.ts';

const mac = { ...healthy, host: { ...healthy.host, platform: 'darwin' } } as const;
const good = 'dir:/var/audit\nflags:ex,pc,ap,aa,lo,ad\nminfree:5\npolicy:cnt,argv,arge\n';

test("the example of osquery's guide is in order, as long as no sockets are wanted", () => {
  const core = coreWith({ audit_allow_sockets: 'false' });
  expect(troubles(checkAuditControl({ ...mac, core, auditControl: good }))).toEqual([]);
  expect(troubles(checkAuditControl({ ...mac, auditControl: good }))).toMatchObject([
    {
      check: '/etc/security/audit_control',
      status: 'problem',
      found: expect.stringContaining('nt is missing'),
    },
  ]);
});

test('a file without the classes, and no file', () => {
  const found = troubles(checkAuditControl({ ...mac, auditControl: 'flags:lo\npolicy:cnt\n' })).map(
    ({ found }) => found,
  );
  expect(found).toContainEqual(expect.stringContaining('flags: ex is missing'));
  expect(found).toContainEqual(expect.stringContaining('policy: argv is missing'));
  expect(checkAuditControl(mac)).toMatchObject([
    { status: 'problem', fix: expect.stringContaining('audit_control.example') },
  ]);
});

test('Linux has no such file', () => {
  expect(checkAuditControl(healthy)).toEqual([]);
});

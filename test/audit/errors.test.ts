import { describe, expect, it } from 'vitest';
import { AuditError, errnoName } from '../../src/audit/errors.ts';

describe('errnoName', () => {
  it.each([
    [1, 'EPERM'],
    [17, 'EEXIST'],
    [105, 'ENOBUFS'],
    [111, 'ECONNREFUSED'],
    // ENOTSUPP, which the kernel keeps to itself but netlink can let out.
    [524, 'errno 524'],
    [0, 'errno 0'],
  ])('%i is %s', (errno, name) => expect(errnoName(errno)).toBe(name));
});

describe('AuditError', () => {
  it('carries its code, errno and cause', () => {
    const cause = new Error('below');
    const error = new AuditError('owned', 'one line', { errno: 17, cause });
    expect(error).toMatchObject({ name: 'AuditError', code: 'owned', errno: 17, cause, message: 'one line' });
    expect(new AuditError('no-reply', 'x').errno).toBeUndefined();
  });
});

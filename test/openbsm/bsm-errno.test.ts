import { describe, expect, it } from 'vitest';
import { bsmErrnoName, darwinErrno } from '../../src/openbsm/bsm-errno.ts';

describe('BSM error numbers', () => {
  // Left OpenBSM's audit_errno.h, right the sys/errno.h of macOS.
  it.each([
    [1, 1, 'EPERM'],
    [2, 2, 'ENOENT'],
    [11, 35, 'EAGAIN'],
    [13, 13, 'EACCES'],
    [34, 34, 'ERANGE'],
    [45, 11, 'EDEADLK'],
    [48, 45, 'ENOTSUP'],
    [78, 63, 'ENAMETOOLONG'],
    [89, 78, 'ENOSYS'],
    [122, 102, 'EOPNOTSUPP'],
    [125, 48, 'EADDRINUSE'],
    [146, 61, 'ECONNREFUSED'],
    [150, 36, 'EINPROGRESS'],
    [206, 85, 'EBADEXEC'],
    [207, 86, 'EBADARCH'],
  ])('%i is %i on macOS, %s', (bsm, errno, name) => {
    expect(darwinErrno(bsm)).toBe(errno);
    expect(bsmErrnoName(bsm)).toBe(name);
  });

  it('makes no success of an error that macOS does not have', () => {
    expect(bsmErrnoName(37)).toBeUndefined();
    for (let bsm = 1; bsm < 256; bsm++) expect(darwinErrno(bsm)).toBeGreaterThan(0);
  });

  it('gives every error of macOS a BSM number of its own', () => {
    const known = Array.from({ length: 256 }, (_, bsm) => bsm).filter(bsm => bsmErrnoName(bsm) !== undefined);
    expect(known.map(darwinErrno).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 106 }, (_, i) => i + 1),
    );
  });
});

import { expect, test } from 'vitest';
import { legacyController } from '../../src/bpf/cgroup-controller.ts';

const HEADING = '#subsys_name\thierarchy\tnum_cgroups\tenabled\n';

test.each([
  ['version 2 only', 'cpu\t0\t80\t1\nmemory\t0\t80\t1\npids\t0\t80\t1\n', undefined],
  ['version 1', 'cpuset\t9\t6\t1\nmemory\t4\t90\t1\npids\t8\t6\t1\n', 'pids'],
  ['without pids', 'memory\t4\t90\t1\ndevices\t5\t6\t1\npids\t0\t6\t1\n', 'memory'],
  ['one that is switched off', 'memory\t4\t90\t0\ndevices\t5\t6\t1\n', 'devices'],
  ['a hierarchy that no runtime needs', 'net_cls\t4\t90\t1\n', undefined],
  ['cut off', 'pids\t8', undefined],
  ['empty', '', undefined],
])('%s', (_, lines, expected) => {
  expect(legacyController(HEADING + lines)).toBe(expected);
});

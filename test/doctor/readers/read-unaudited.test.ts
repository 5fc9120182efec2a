import { expect, test } from 'vitest';
import { readUnaudited } from '../../../src/doctor/readers/read-unaudited.ts';
import { fakeRoot } from '../fake-root.ts';

const processFile = (pid: number, name: string) => ({
  [`/proc/${pid}/stat`]: `${pid} (${name}) S${' 0'.repeat(18)} 1 0\n`,
});

test('those that still run are counted', async () => {
  const root = fakeRoot({
    ...processFile(10, 'nginx'),
    ...processFile(11, 'nginx'),
    ...processFile(12, 'cron'),
  });
  expect(await readUnaudited(root, async () => [10, 11, 12, 13])).toEqual({
    kind: 'known',
    processes: 3,
    users: [
      { name: 'nginx', processes: 2, sockets: 0 },
      { name: 'cron', processes: 1, sockets: 0 },
    ],
  });
});

test('the kernel does not tell', async () => {
  const refuse = async () => {
    throw new Error('the kernel has no BTF');
  };
  expect(await readUnaudited(fakeRoot({}), refuse)).toEqual({
    kind: 'unknown',
    why: 'the kernel has no BTF',
  });
});

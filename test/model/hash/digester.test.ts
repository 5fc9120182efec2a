import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CpuBudget } from '../../../src/model/hash/cpu-budget.ts';
import { createDigester, type DigestJob, SLICE_BYTES } from '../../../src/model/hash/digester.ts';
import { findDataByLseek } from '../../../src/model/hash/find-data.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'digester-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const sum = (tool: string, path: string): string =>
  execFileSync(tool, [path], { encoding: 'utf8' }).slice(0, -1).split(' ')[0]!;
const sums = (path: string) => ({ md5: sum('md5sum', path), sha256: sum('sha256sum', path) });

const withFile = async <T>(
  make: (path: string) => void,
  use: (job: DigestJob, path: string) => Promise<T>,
): Promise<T> => {
  const path = join(directory, `file-${Math.random()}`);
  make(path);
  const fd = openSync(path, 'r');
  try {
    const { size, blocks } = statSync(path);
    return await use({ fd, size, allocated: blocks * 512, owner: 0 }, path);
  } finally {
    closeSync(fd);
  }
};
const holding = (bytes: Uint8Array) => (path: string) => writeFileSync(path, bytes);

describe('a digester', () => {
  const digest = createDigester();

  it.each([0, 1, 64, SLICE_BYTES - 1, SLICE_BYTES, SLICE_BYTES + 1, 3 * SLICE_BYTES + 17])(
    'agrees with md5sum and sha256sum about %d bytes',
    async size => {
      const bytes = Buffer.alloc(size, 'an executable file ');
      await withFile(holding(bytes), async (job, path) => expect(await digest(job)).toEqual(sums(path)));
    },
  );

  it('has no digest of a file of another size, or that cannot be read', async () => {
    await withFile(holding(Buffer.from('four')), async job => {
      expect(await digest({ ...job, size: 3 })).toBeUndefined();
      expect(await digest({ ...job, size: 5 })).toBeUndefined();
    });
    const fd = openSync(directory, 'r');
    expect(await digest({ fd, size: 4096, allocated: 4096, owner: 0 })).toBeUndefined();
    closeSync(fd);
  });

  it('finishes a small file before a large one that was there first', async () => {
    await withFile(holding(Buffer.alloc(40 * SLICE_BYTES, 'x')), large =>
      withFile(holding(Buffer.from('small')), async small => {
        const order: string[] = [];
        const first = digest(large).then(() => order.push('large'));
        await digest(small).then(() => order.push('small'));
        await first;
        expect(order).toEqual(['small', 'large']);
      }),
    );
  });

  it('hashes the whole of a file with holes, and reads none of them', async () => {
    const sparse = (path: string): void => {
      const fd = openSync(path, 'w');
      writeSync(fd, 'begins', 0);
      writeSync(fd, 'middle', 5 * SLICE_BYTES + 100);
      closeSync(fd);
      truncateSync(path, 9 * SLICE_BYTES + 3);
    };
    await withFile(sparse, async (job, path) => {
      const looked: number[] = [];
      const counting = createDigester({
        findData: (fd, position, size) => {
          const found = findDataByLseek(fd, position, size);
          looked.push(found.start);
          return found;
        },
      });
      expect(await counting(job)).toEqual(sums(path));
      // The filesystem may not know of holes; where it does, the last of them goes to the end.
      if (job.allocated < job.size / 2) expect(looked.at(-1)).toBe(job.size);
    });
  });

  it('drops the largest file of whoever has most that wait', async () => {
    const full = createDigester({ maxWaiting: 4 });
    await withFile(holding(Buffer.alloc(2 * SLICE_BYTES)), large =>
      withFile(holding(Buffer.alloc(10)), async small => {
        const greedy = [large, small, large, small].map(job => full({ ...job, owner: 1000 }));
        const other = full({ ...large, owner: 0 });
        const answers = await Promise.all([...greedy, other]);
        expect(answers.filter(answer => answer === 'refused')).toHaveLength(1);
        expect([answers[0], answers[2]]).toContain('refused');
        expect(answers[4]).toMatchObject({ sha256: expect.any(String) });
      }),
    );
  });
});

describe('the CPU that hashing may take', () => {
  it('is a part of one after a burst', () => {
    let now = 0;
    const budget = new CpuBudget({ cpuPercent: 25, now: () => now });
    let used = 0;
    while (now < 60_000) {
      const job = budget.next([{ owner: 1000 }], () => 1);
      if (job !== undefined) {
        budget.take(1000, 10);
        used += 10;
      }
      now += 10;
    }
    expect(used).toBeGreaterThan(0.25 * 60_000);
    expect(used).toBeLessThanOrEqual(0.25 * 60_000 + 1_010);
  });

  it('leaves a reserve to whoever has used hardly any', () => {
    let now = 0;
    const budget = new CpuBudget({ cpuPercent: 25, now: () => now });
    const [greedy, light] = [{ owner: 1 }, { owner: 2 }];
    const leftOf = () => 1;
    let used = 0;
    while (budget.next([greedy], leftOf) !== undefined) {
      budget.take(1, 10);
      used += 10;
      now += 10;
    }
    expect(used).toBeGreaterThanOrEqual(1_000);
    expect(used).toBeLessThan(1_500);
    expect(budget.next([greedy, light], leftOf)).toBe(light);
  });
});

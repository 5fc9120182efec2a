import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLocalDigester, type Digester, SLICE_BYTES } from '../../../src/model/hash/digester.ts';
import { createWorkerDigester } from '../../../src/model/hash/worker-digester.ts';

let directory: string;
const worker = createWorkerDigester();
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'digester-'));
});
afterAll(async () => {
  await worker.close();
  rmSync(directory, { recursive: true });
});

const sum = (tool: string, path: string): string =>
  execFileSync(tool, [path], { encoding: 'utf8' }).slice(0, -1).split(' ')[0]!;

const withFile = async <T>(bytes: Uint8Array, use: (fd: number, path: string) => Promise<T>): Promise<T> => {
  const path = join(directory, `file-${Math.random()}`);
  writeFileSync(path, bytes);
  const fd = openSync(path, 'r');
  try {
    return await use(fd, path);
  } finally {
    closeSync(fd);
  }
};

describe.each<[string, Digester]>([
  ['on the same thread', createLocalDigester()],
  ['on a thread of its own', worker.digest],
])('a digester %s', (_where, digest) => {
  it.each([0, 1, 64, SLICE_BYTES - 1, SLICE_BYTES, SLICE_BYTES + 1, 3 * SLICE_BYTES + 17])(
    'agrees with md5sum and sha256sum about %d bytes',
    async size => {
      const bytes = Buffer.alloc(size, 'an executable file ');
      await withFile(bytes, async (fd, path) => {
        expect(await digest(fd, size)).toEqual({ md5: sum('md5sum', path), sha256: sum('sha256sum', path) });
      });
    },
  );

  it('has no digest of a file of another size, or that cannot be read', async () => {
    await withFile(Buffer.from('four'), async fd => {
      expect(await digest(fd, 3)).toBeUndefined();
      expect(await digest(fd, 5)).toBeUndefined();
    });
    expect(await digest(openSync(directory, 'r'), 4096)).toBeUndefined();
  });

  it('finishes a small file before a large one that was there first', async () => {
    await withFile(Buffer.alloc(40 * SLICE_BYTES), fd =>
      withFile(Buffer.from('small'), async small => {
        const order: string[] = [];
        const large = digest(fd, 40 * SLICE_BYTES).then(() => order.push('large'));
        await digest(small, 5).then(() => order.push('small'));
        await large;
        expect(order).toEqual(['small', 'large']);
      }),
    );
  });
});

describe('createWorkerDigester', () => {
  it('can be started ahead, which ends also when it does not start', async () => {
    const ahead = createWorkerDigester();
    await ahead.start();
    await ahead.start();
    await withFile(Buffer.from('x'), async fd => expect(await ahead.digest(fd, 1)).toBeDefined());
    await ahead.close();
    const dying = createWorkerDigester(() => new Worker('process.exit(1)', { eval: true }));
    await dying.start();
    await dying.start();
    expect(await dying.digest(0, 1)).toBeUndefined();
    const without = createWorkerDigester(() => {
      throw new Error('no threads');
    });
    await without.start();
  });

  it('answers what a dead thread was asked with nothing', async () => {
    const dying = createWorkerDigester(
      () =>
        new Worker("require('node:worker_threads').parentPort.on('message', () => process.exit(1))", {
          eval: true,
        }),
    );
    await withFile(Buffer.from('x'), async fd => {
      expect(await dying.digest(fd, 1)).toBeUndefined();
      // Not started again at once.
      expect(await dying.digest(fd, 1)).toBeUndefined();
    });
    await dying.close();
  });

  it('answers with nothing when no thread can be started, and after it was closed', async () => {
    const without = createWorkerDigester(() => {
      throw new Error('no threads');
    });
    expect(await without.digest(0, 1)).toBeUndefined();
    const closed = createWorkerDigester();
    await closed.close();
    expect(await closed.digest(0, 1)).toBeUndefined();
  });
});

import { defineConfig } from 'vitest/config';

/** Tests that switch kernel audit on. There is one audit socket and one set of rules: they must never overlap. */
const LIVE = [
  'test/live/**/*.test.ts',
  'test/doctor/self-test/test-kernel.test.ts',
  'test/prove/stock/stock.test.ts',
];

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    root: new URL('..', import.meta.url).pathname,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'any host',
          include: ['test/**/*.test.ts'],
          exclude: LIVE,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'live audit', include: LIVE, fileParallelism: false, sequence: { groupOrder: 1 } },
      },
    ],
  },
});

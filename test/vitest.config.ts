import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const root = new URL('..', import.meta.url).pathname;

/** Tests that switch kernel audit on. There is one audit socket and one set of rules: they must never overlap. */
const LIVE = ['test/live/**/*.test.ts'];

/** Live ones, too, that look for instances of the program on this host, and are to see none of another test's. */
const ALONE = [
  'test/live/repair.test.ts',
  'test/doctor/self-test/test-kernel.test.ts',
  'test/prove/stock/stock.test.ts',
];

/**
 * Tests that start processes, change what their own process has only one of, or put mocks in the place of modules: each
 * file has a process to itself. A test that starts one and is not listed fails, and says that it has to be.
 */
const PROCESSES = [
  'test/audit/control/{control,session,stream-owner}.test.ts',
  'test/audit/stream.test.ts',
  'test/build/**/*.test.ts',
  'test/chaos/undo.test.ts',
  'test/cli/{daemon,live-views,macos,main,no-events}.test.ts',
  'test/core/{embedded-core,extension-process}.test.ts',
  'test/core/schedule/run-daemon.test.ts',
  'test/doctor/run-doctor.test.ts',
  'test/doctor/self-test/*.test.ts',
  'test/extension/osquery/clients.test.ts',
  'test/ingest/bridge/{bridge,process-handle}.test.ts',
  'test/ingest/replay/system-packings.test.ts',
  'test/model/{event-model,new-source,telemetry-model}.test.ts',
  'test/model/accounts/accounts.test.ts',
  'test/model/hash/*.test.ts',
  'test/model/json/line-writer.test.ts',
  'test/model/process/process-connector.test.ts',
  'test/model/procfs/reader.test.ts',
  'test/model/sockets/network-namespaces.test.ts',
  'test/osquery-extension-ts/{cli,examples,main,package,published-manifest}.test.ts',
  'test/osquery-extension-ts/foreign/*.test.ts',
  'test/osquery-extension-ts/server/*.test.ts',
  'test/pages/commands.test.ts',
  'test/prove/**/*.test.ts',
  'test/runtime/{choose-node,inherited-descriptors,memory,native-addon,trusted-directory}.test.ts',
  'test/setup/plan-setup.test.ts',
  'test/tables/packs/check.test.ts',
  'test/shell/{replay-room,run-shell}.test.ts',
];

/**
 * Processes and worker threads of the program begin with its sources, again and again: they are compiled once. Not in /tmp: what
 * is there is executed.
 */
const COMPILED = { NODE_COMPILE_CACHE: `${root}node_modules/.cache/node` };

/** See test/property/fast-check.ts. */
const aliases =
  process.env.PROPERTY_RUNS === undefined
    ? []
    : [{ find: /^fast-check$/, replacement: `${root}test/property/fast-check.ts` }];
const patience = process.env.PROPERTY_RUNS === undefined ? 60_000 : 86_400_000;

/** `--project "any host"`: all but the live ones, each file in a process of its own. */
const anyHost = process.argv.some(argument => argument.endsWith('any host'))
  ? [
      {
        extends: true as const,
        test: {
          name: 'any host',
          include: ['test/**/*.test.ts'],
          exclude: [...LIVE, ...ALONE],
          sequence: { groupOrder: 4 },
        },
      },
    ]
  : [];

export default defineConfig({
  resolve: { conditions: ['source'], alias: aliases },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    root,
    testTimeout: patience,
    hookTimeout: patience,
    env: COMPILED,
    reporters: ['default', 'test/reporter/skipped-reporter.ts'],
    projects: [
      ...anyHost,
      {
        extends: true,
        test: {
          name: 'quick',
          include: ['test/**/*.test.ts'],
          exclude: [...LIVE, ...ALONE, ...PROCESSES],
          // Most of the time of a small test would go into a process of its own, and into what it imports.
          pool: 'threads',
          isolate: false,
          setupFiles: ['test/no-processes.ts'],
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'processes',
          include: PROCESSES,
          exclude: [...LIVE, ...ALONE],
          // They wait, too.
          maxWorkers: availableParallelism() + 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'live audit',
          include: LIVE,
          exclude: ALONE,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'live alone',
          include: ALONE,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});

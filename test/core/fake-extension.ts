/**
 * A small extension as a process of its own, for tests of what starts extensions: table `fake` with one row per
 * start, `slow`, which never answers. Arguments: those of core, and `--fail=STATUS` or `--deaf` (ignores everything
 * that should end it).
 */
import { parseArgs } from 'node:util';
import { runExtension, TablePlugin } from 'osquery-extension-ts';

const { values } = parseArgs({
  options: {
    socket: { type: 'string' },
    timeout: { type: 'string' },
    interval: { type: 'string' },
    verbose: { type: 'boolean' },
    fail: { type: 'string' },
    events: { type: 'boolean' },
    deaf: { type: 'boolean' },
  },
});

if (values.fail !== undefined) {
  process.stderr.write('fake extension: told to fail\n');
  process.exit(Number(values.fail));
}

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (!values.deaf) stop.abort();
  });
}

/** Grows by one row with each call. */
const seen: { pid: number; text: string }[] = [];

const fake = new TablePlugin(
  {
    name: 'fake',
    columns: [
      { name: 'pid', type: 'BIGINT' },
      { name: 'text', type: 'TEXT' },
      { name: 'options', type: 'TEXT', options: { hidden: true } },
    ],
    aliases: ['fake_alias'],
    attributes: values.events ? { eventBased: true } : {},
  },
  {
    generate: () => [
      { pid: process.pid, text: '\u001b[31mred\u202e', options: process.argv.slice(2).join(' ') },
    ],
  },
);
const growing = new TablePlugin(
  {
    name: 'growing',
    columns: [{ name: 'n', type: 'BIGINT' }],
    attributes: values.events ? { eventBased: true } : {},
  },
  {
    generate: () => {
      seen.push({ pid: process.pid, text: '' });
      return seen.map((_, n) => ({ n }));
    },
  },
);
const slow = new TablePlugin(
  { name: 'slow', columns: [{ name: 'n', type: 'BIGINT' }] },
  { generate: () => new Promise<never>(() => {}) },
);

const end = await runExtension({
  name: 'fake',
  version: '0.0.1',
  plugins: [fake, growing, slow],
  socket: values.socket!,
  timeout: Number(values.timeout),
  interval: Number(values.interval),
  signal: stop.signal,
});
process.exit(end.kind === 'core-lost' ? 1 : 0);

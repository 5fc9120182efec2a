import { parseArgs } from 'node:util';
import { type ColumnSpec, runExtension, TablePlugin } from 'osquery-extension-ts';

const columns = [
  { name: 'id', type: 'BIGINT', options: { index: true } },
  { name: 'title', type: 'TEXT' },
  { name: 'price', type: 'DOUBLE' },
] as const satisfies readonly ColumnSpec[];

const books = [
  { id: 1, title: 'Dune', price: 9.5 },
  { id: 2, title: 'Solaris', price: null },
];

const shelf = new TablePlugin(
  { name: 'shelf', columns },
  {
    // Rows are checked against the columns when compiling: `{ titel: … }` or `{ id: '1' }` is an error.
    // WHERE id = …; using it is optional.
    generate: context => books.filter(book => context.matches('id', book.id)),
  },
);

// What osquery gives an extension that it loads: --socket PATH --timeout SECONDS --interval SECONDS
const { values } = parseArgs({
  options: {
    socket: { type: 'string', default: '/var/osquery/osquery.em' },
    timeout: { type: 'string', default: '3' },
    interval: { type: 'string', default: '3' },
    verbose: { type: 'boolean' },
  },
});

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
process.once('SIGINT', () => stop.abort());

const end = await runExtension({
  name: 'shelf',
  version: '1.0.0',
  plugins: [shelf],
  socket: values.socket,
  timeout: Number(values.timeout),
  interval: Number(values.interval),
  signal: stop.signal,
});
process.exitCode = end.kind === 'core-lost' ? 1 : 0;

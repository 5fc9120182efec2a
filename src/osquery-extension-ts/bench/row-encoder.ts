// Time per row of the row encoder, against the generated Thrift code over objects.
// Run: node --conditions=source src/osquery-extension-ts/bench/row-encoder.ts
import type { ColumnSpec, Row } from 'osquery-extension-ts';
import { ByteWriter, createRowEncoder, decodeRows, encodeRows } from 'osquery-extension-ts/encoded';

const columns = [
  { name: 'action', type: 'TEXT' },
  { name: 'pid', type: 'BIGINT' },
  { name: 'path', type: 'TEXT' },
  { name: 'fd', type: 'BIGINT' },
  { name: 'auid', type: 'BIGINT' },
  { name: 'status', type: 'TEXT' },
  { name: 'family', type: 'INTEGER' },
  { name: 'protocol', type: 'INTEGER' },
  { name: 'local_address', type: 'TEXT' },
  { name: 'remote_address', type: 'TEXT' },
  { name: 'local_port', type: 'INTEGER' },
  { name: 'remote_port', type: 'INTEGER' },
  { name: 'time', type: 'BIGINT' },
] as const satisfies readonly ColumnSpec[];

const ROWS = 50_000;
const rows: Row<typeof columns>[] = Array.from({ length: ROWS }, (_, i) => ({
  action: 'connect',
  pid: 1000 + i,
  path: '/usr/lib/systemd/systemd-resolved',
  fd: 12,
  auid: 4294967295,
  status: 'succeeded',
  family: 2,
  protocol: 6,
  local_address: '',
  remote_address: `192.168.1.${i % 256}`,
  local_port: 0,
  remote_port: 443,
  time: 1_700_000_000 + i,
}));

function best(name: string, run: () => void): void {
  let fastest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 12; round += 1) {
    const started = performance.now();
    run();
    fastest = Math.min(fastest, performance.now() - started);
  }
  process.stdout.write(`${name.padEnd(32)} ${((fastest * 1e6) / ROWS).toFixed(0)} ns/row\n`);
}

const encoder = createRowEncoder(columns);
best('createRowEncoder', () => {
  const out = new ByteWriter(1 << 16);
  for (const row of rows) encoder.append(row, out);
});

const texts = rows.map(row =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, String(value)])),
);
best('encodeRows (any names)', () => {
  encodeRows(texts);
});

const encoded = encodeRows(texts);
best('decodeRows', () => {
  decodeRows(encoded);
});

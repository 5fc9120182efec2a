// Time of a whole `call` over a UNIX socket, per row: 50,000 encoded rows of 13 columns. Run: node
// --conditions=source src/osquery-extension-ts/bench/call.ts
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeRows } from 'osquery-extension-ts/encoded';
import { ExtensionClient, ExtensionServer } from 'osquery-extension-ts/server';

const ROWS = 50_000;
const rows = encodeRows(
  Array.from({ length: ROWS }, (_, i) =>
    Object.fromEntries(Array.from({ length: 13 }, (_, c) => [`column_${c}`, `value ${i}`])),
  ),
);

const directory = mkdtempSync(join(tmpdir(), 'oext-'));
const server = new ExtensionServer({
  managerSocketPath: join(directory, 'em'),
  uuid: 1,
  plugins: [{ registry: 'table', name: 't', routes: () => [], call: () => rows }],
});
await server.listen();
const client = new ExtensionClient({ socketPath: server.socketPath });

async function best(name: string, run: () => Promise<unknown>): Promise<void> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 8; round += 1) {
    const started = performance.now();
    await run();
    fastest = Math.min(fastest, performance.now() - started);
  }
  process.stdout.write(`${name.padEnd(32)} ${((fastest * 1e6) / ROWS).toFixed(0)} ns/row\n`);
}

await best('callEncoded', () => client.callEncoded('table', 't', {}));
await best('call (rows as objects)', () => client.call('table', 't', {}));

await client.close();
await server.close();
rmSync(directory, { recursive: true });

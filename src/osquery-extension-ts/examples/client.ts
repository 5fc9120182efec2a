// Asks a running osquery: node client.ts /var/osquery/osquery.em 'SELECT pid, name FROM processes LIMIT 3'
import { ExtensionManagerClient, isOsqueryError } from 'osquery-extension-ts';

const [socketPath = '/var/osquery/osquery.em', sql = 'SELECT version FROM osquery_info'] =
  process.argv.slice(2);

await using core = new ExtensionManagerClient({ socketPath, timeoutMs: 5000 });
try {
  const [rows, flags] = await Promise.all([core.query(sql), core.options()]);
  console.table(rows);
  console.log(`host identifier: ${flags.get('host_identifier')?.value}`);
} catch (error) {
  if (!isOsqueryError(error)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}

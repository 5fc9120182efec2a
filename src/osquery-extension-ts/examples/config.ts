// Gives core its configuration: osqueryd --config_plugin=from_code
import { ConfigPlugin, main } from 'osquery-extension-ts';

const config = new ConfigPlugin('from_code', {
  config: () => ({
    options: { host_identifier: 'hostname' },
    schedule: { uptime: { query: 'SELECT total_seconds FROM uptime', interval: 60, snapshot: true } },
    packs: { more: 'users' }, // a text: core asks for the pack below
  }),
  pack: (_name, value) => ({ queries: { [value]: { query: `SELECT * FROM ${value}`, interval: 3600 } } }),
});

await main({ name: 'config_example', version: '1.0.0', plugins: [config], reconnect: true });

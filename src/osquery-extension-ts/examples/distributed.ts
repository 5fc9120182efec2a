// Gives core queries to run once, and takes their results:
// osqueryd --disable_distributed=false --distributed_plugin=from_code --distributed_interval=10
import { DistributedPlugin, main } from 'osquery-extension-ts';

const pending = new Map([['users-1', 'SELECT username FROM users WHERE uid = 0']]);

const distributed = new DistributedPlugin('from_code', {
  queries: () => ({ queries: Object.fromEntries(pending) }),
  results(results) {
    for (const { id, status, message, rows, stats } of results) {
      pending.delete(id);
      const what = status === 0 ? JSON.stringify(rows) : `failed: ${message}`;
      console.log(`${id}: ${what} in ${stats?.wallTimeMs ?? '?'} ms`);
    }
  },
});

await main({ name: 'distributed_example', version: '1.0.0', plugins: [distributed], reconnect: true });

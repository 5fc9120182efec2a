/** An extension with an event table that counts; see stock-osqueryd.test.ts. */
import { eventTable, main } from 'osquery-extension-ts';

const BETWEEN_MS = 20;
let timer: NodeJS.Timeout | undefined;

const ticks = eventTable(
  { name: 'ticks', columns: [{ name: 'n', type: 'BIGINT' }] },
  {
    start({ append }) {
      let n = 0;
      timer = setInterval(() => {
        n += 1;
        append({ n });
      }, BETWEEN_MS);
    },
    stop: () => clearInterval(timer),
  },
);

await main({ name: 'ticks', version: '1.0.0', plugins: [ticks] });

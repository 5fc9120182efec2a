/** An extension of a few lines, as a process of its own, with a timer that would keep it alive. */
import { main, TablePlugin } from 'osquery-extension-ts';

setInterval(() => {}, 1000);
const columns = [{ name: 'a', type: 'BIGINT' }] as const;
const answers = new TablePlugin({ name: 'answers', columns }, { generate: () => [{ a: 42 }] });
await main({ name: 'answers', version: '1.2.3', plugins: [answers] });

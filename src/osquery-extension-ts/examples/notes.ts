// A table that INSERT, UPDATE and DELETE can change: notes, kept in core's own database.
import { main, TablePlugin } from 'osquery-extension-ts';

const DOMAIN = 'configurations';
const PREFIX = 'notes.';
const columns = [{ name: 'text', type: 'TEXT' }] as const;
let last = 0n;

const notes = new TablePlugin(
  { name: 'notes', columns },
  {
    async start({ client }) {
      for (const key of await client.database.scan(DOMAIN, PREFIX)) {
        const rowid = BigInt(key.slice(PREFIX.length));
        if (rowid > last) last = rowid;
      }
    },
    async *generate(_, { client }) {
      for (const key of await client.database.scan(DOMAIN, PREFIX)) {
        yield { rowid: BigInt(key.slice(PREFIX.length)), text: await client.database.get(DOMAIN, key) };
      }
    },
    async insert({ text }, _, { client }) {
      if (text === null) return { kind: 'failure', message: 'a note has a text' };
      last += 1n;
      await client.database.put(DOMAIN, `${PREFIX}${last}`, text);
      return last; // the new row's rowid
    },
    update: (rowid, { text }, _, { client }) => client.database.put(DOMAIN, `${PREFIX}${rowid}`, text ?? ''),
    remove: (rowid, { client }) => client.database.remove(DOMAIN, `${PREFIX}${rowid}`),
  },
);

await main({ name: 'notes', version: '1.0.0', plugins: [notes] });

import { TablePlugin } from 'osquery-extension-ts';
import { startTestCore } from 'osquery-extension-ts/testing';
import { describe, expect, it } from 'vitest';

const columns = [
  { name: 'id', type: 'BIGINT', index: true },
  { name: 'title', type: 'TEXT' },
] as const;

const shelfOf = (books: { id: number; title: string }[], attributes = {}) =>
  new TablePlugin({ name: 'shelf', columns, attributes }, { generate: () => books });

describe('a core for tests', () => {
  it('asks plugins in SQL', async () => {
    await using core = await startTestCore({ plugins: [shelfOf([{ id: 1, title: 'Dune' }])] });
    expect(await core.query('SELECT title FROM shelf WHERE id = 1')).toEqual([{ title: 'Dune' }]);
    expect(await core.query('SELECT count(*) AS n FROM shelf a JOIN shelf b USING (id)')).toEqual([
      { n: '1' },
    ]);
    await expect(core.query('SELECT * FROM shelves')).rejects.toThrow('no such table: shelves');
  });

  it('takes flags, and says what core logged', async () => {
    const required = new TablePlugin(
      { name: 'needy', columns: [{ name: 'k', type: 'TEXT', required: true }] },
      { generate: () => [{ k: 'x' }] },
    );
    await using core = await startTestCore({ plugins: [required], flags: { events_max: '7' } });
    expect(await core.query("SELECT value FROM osquery_flags WHERE name = 'events_max'")).toEqual([
      { value: '7' },
    ]);
    await expect(core.query('SELECT * FROM needy')).rejects.toThrow('without a required column');
    expect(core.log).toContain(
      'warning: Table needy was queried without a required column in the WHERE clause',
    );
  });

  it('runs queries of a schedule, and knows what it found before', async () => {
    const books = [{ id: 1, title: 'Dune' }];
    let executing: string | undefined;
    const shelf = new TablePlugin(
      { name: 'shelf', columns },
      {
        async generate(_, { client }) {
          executing = await client.database.get('configurations', 'executing_query');
          return books;
        },
      },
    );
    await using core = await startTestCore({ plugins: [shelf] });
    const query = { name: 'books', sql: 'SELECT title FROM shelf' };
    expect(await core.runScheduled(query)).toMatchObject([
      { name: 'books', action: 'added', columns: { title: 'Dune' } },
    ]);
    expect(executing).toBe('books');
    expect(await core.runScheduled(query)).toEqual([]);
    books[0]!.title = 'Solaris';
    expect(await core.runScheduled(query)).toMatchObject([
      { action: 'removed', columns: { title: 'Dune' } },
      { action: 'added', columns: { title: 'Solaris' } },
    ]);
    expect(await core.runScheduled({ ...query, name: 'all', snapshot: true })).toMatchObject([
      { name: 'all', action: 'snapshot', snapshot: [{ title: 'Solaris' }] },
    ]);
    await expect(core.runScheduled({ name: 'bad', sql: 'SELECT missing' })).rejects.toThrow(
      'Error executing scheduled query bad: no such column: missing',
    );
  });

  it('has the schedule add the rows of an event table, and never remove them', async () => {
    const shelf = shelfOf([{ id: 1, title: 'Dune' }], { eventBased: true });
    await using core = await startTestCore({ plugins: [shelf], flags: { disable_events: 'false' } });
    const query = { name: 'events', sql: 'SELECT * FROM shelf' };
    for (let run = 0; run < 2; run += 1) {
      expect(await core.runScheduled(query)).toMatchObject([{ action: 'added', columns: { title: 'Dune' } }]);
    }
  });

  it('closes any number of times', async () => {
    const core = await startTestCore({ plugins: [shelfOf([])] });
    await core.close();
    await core.close();
    await expect(core.query('SELECT 1')).rejects.toThrow();
  });
});

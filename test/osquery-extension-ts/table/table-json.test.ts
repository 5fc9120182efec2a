import { tableJson } from 'osquery-extension-ts/protocol';
import { expect, it } from 'vitest';

it('a table as JSON has what people and their tools want to know of it', () => {
  expect(
    tableJson({
      name: 'shelf',
      description: 'Books.',
      platforms: ['linux', 'darwin'],
      examples: ['SELECT * FROM shelf'],
      attributes: { eventBased: true },
      columns: [
        { name: 'id', type: 'UNSIGNED BIGINT', index: true, description: 'Its number' },
        { name: 'title', type: 'TEXT', options: { hidden: true, optimized: true } },
      ],
    }),
  ).toEqual({
    name: 'shelf',
    description: 'Books.',
    url: '',
    platforms: ['linux', 'darwin'],
    evented: true,
    cacheable: false,
    notes: '',
    examples: ['SELECT * FROM shelf'],
    columns: [
      {
        name: 'id',
        description: 'Its number',
        type: 'unsigned_bigint',
        notes: '',
        hidden: false,
        required: false,
        index: true,
      },
      {
        name: 'title',
        description: '',
        type: 'text',
        notes: '',
        hidden: true,
        required: false,
        index: false,
        optimized: true,
      },
    ],
  });
  expect(() => tableJson({ name: 'x', columns: [] })).toThrow('no columns');
});

import { main, TablePlugin } from 'osquery-extension-ts';

const books = [
  { id: 1, title: 'Dune', price: 9.5 },
  { id: 2, title: 'Solaris', price: null },
];
const columns = [
  { name: 'id', type: 'BIGINT', index: true },
  { name: 'title', type: 'TEXT' },
  { name: 'price', type: 'DOUBLE' },
] as const;

const shelf = new TablePlugin(
  { name: 'shelf', columns },
  // Rows are checked against the columns at compile time. Using the query's conditions is optional, because core
  // filters too.
  { generate: context => books.filter(book => context.matches('id', book.id)) },
);

await main({ name: 'shelf', version: '1.0.0', plugins: [shelf] });

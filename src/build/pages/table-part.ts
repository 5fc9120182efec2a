import type { DocumentedTable } from '../../../tables/facts/index.ts';
import { code, markdownTable } from './page-parts.ts';

/** A value of a column, where a recorded event has one. */
export type ExampleOf = (table: string, column: string) => string | undefined;

/** Longest example that is shown whole. */
const EXAMPLE_LENGTH = 40;

/** The list of the tables. */
export const tableList = (tables: readonly DocumentedTable[]): string =>
  markdownTable(
    ['table', 'rows', 'flags'],
    tables.map(({ spec, rows, flags }) => [
      `[\`${spec.name}\`](#${spec.name})`,
      rows,
      flags.map(flag => code(flag)).join(', '),
    ]),
  );

/** A section for each table, with a line for each column. */
export const tableSections = (tables: readonly DocumentedTable[], exampleOf: ExampleOf): string =>
  tables.map(table => tableSection(table, exampleOf)).join('\n\n');

const tableSection = ({ spec, rows, columns }: DocumentedTable, exampleOf: ExampleOf): string => {
  const aliases = Object.entries<string>(spec.columnAliases ?? {});
  const lines = spec.columns.map(({ name, type, options }) => {
    const facts = columns[name];
    if (facts === undefined) throw new Error(`expected facts of ${spec.name}.${name} in tables/facts/`);
    const others = aliases.filter(([, column]) => column === name).map(([alias]) => code(alias));
    return [
      code(name),
      options?.hidden === true ? `${type}, hidden` : type,
      others.length === 0 ? facts.is : `${facts.is} Also ${others.join(', ')}.`,
      facts.from,
      code(shortened(exampleOf(spec.name, name) ?? facts.example ?? '')),
      facts.nullIf ?? 'never',
    ];
  });
  return [
    `## ${spec.name}`,
    rows,
    markdownTable(['column', 'type', 'what', 'from', 'example', 'NULL if'], lines),
  ].join('\n\n');
};

const shortened = (text: string): string =>
  text.length > EXAMPLE_LENGTH ? `${text.slice(0, EXAMPLE_LENGTH)}…` : text;

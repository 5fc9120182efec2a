/** What the Tab key offers: commands and their arguments, tables, columns, and SQL's words. */
import { OUTPUT_MODES } from './output/print-settings.ts';

export interface CompletionTable {
  readonly name: string;
  readonly views: readonly string[];
  readonly columns: readonly { readonly name: string; readonly aliasOf: number | undefined }[];
}

/** What a command's argument is. */
export type ArgumentKind = 'nothing' | 'mode' | 'onOff' | 'table' | 'sql';

export interface CompletionWorld {
  readonly commands: readonly { readonly name: string; readonly argument: ArgumentKind }[];
  readonly tables: readonly CompletionTable[];
}

/** Candidates, and the end of the text that they replace. */
export type Completion = readonly [candidates: string[], replaced: string];

const KEYWORDS = (
  'SELECT FROM WHERE AND OR NOT IN LIKE GLOB BETWEEN IS NULL ORDER BY GROUP HAVING LIMIT OFFSET JOIN LEFT ON USING ' +
  'AS DISTINCT UNION ALL EXCEPT INTERSECT WITH VALUES CASE WHEN THEN ELSE END DESC ASC EXISTS COUNT SUM MIN MAX AVG'
).split(' ');

/** What stands before a table. */
const BEFORE_TABLE = /\b(?:from|join|into|update|table)\s+$/i;
/** The tables of a FROM, with a comma before the next one. */
const IN_TABLE_LIST = /\bfrom\s+\w+(?:\s+(?:as\s+)?\w+)?(?:\s*,\s*\w+(?:\s+(?:as\s+)?\w+)?)*\s*,\s*$/i;

/**
 * @param before the text up to the cursor
 * @param after the rest of the statement, which may name its tables
 */
export const complete = (before: string, after: string, world: CompletionWorld): Completion => {
  const command = /^\s*\.(\w*)(\s*)(.*)$/s.exec(before);
  if (command === null) return completeSql(before, after, world.tables);
  const [, name = '', blank = '', argument = ''] = command;
  if (blank === '') {
    // No command has such a character in its name.
    if (argument !== '') return [[], ''];
    return among(`.${name}`, world.commands.map(each => `.${each.name}`).sort());
  }
  const kind = world.commands.find(each => each.name === name)?.argument ?? 'nothing';
  switch (kind) {
    case 'nothing':
      return [[], ''];
    case 'mode':
      return among(argument, OUTPUT_MODES);
    case 'onOff':
      return among(argument, ['on', 'off']);
    case 'table':
      if (/^\w*$/.test(argument)) return among(argument, tableNames(world.tables));
      // Such as the WHERE behind a table: its columns.
      return completeSql(`FROM ${argument}`, after, world.tables);
    case 'sql':
      return completeSql(argument, after, world.tables);
  }
};

const completeSql = (before: string, after: string, tables: readonly CompletionTable[]): Completion => {
  if (isInQuote(before)) return [[], ''];
  const word = /[\w.]*$/.exec(before)![0];
  const head = before.slice(0, before.length - word.length);
  if (BEFORE_TABLE.test(head) || IN_TABLE_LIST.test(head)) return among(word, tableNames(tables));
  const named = namedTables(`${head} ${after}`, tables);
  const [, alias, part] = /^(\w+)\.(\w*)$/.exec(word) ?? [];
  if (alias !== undefined && part !== undefined) {
    const columns = columnsOf(named.get(alias.toLowerCase()));
    return among(
      word,
      columns.map(column => `${alias}.${column}`),
    );
  }
  // An empty word would match everything there is.
  if (word === '' && named.size === 0) return [[], ''];
  // Who has not come to the FROM yet may mean a column of any table.
  const meant = named.size > 0 ? [...named.values()] : tables;
  const columns = [...new Set(meant.flatMap(columnsOf))];
  if (word === '') return among(word, columns);
  return among(word, [...columns.sort(), ...[...named.keys()], ...keywordsLike(word)]);
};

/** An odd number of quotes before the cursor: a text or a quoted name is open. */
const isInQuote = (before: string): boolean => ["'", '"'].some(quote => before.split(quote).length % 2 === 0);

/** The tables that a statement names after FROM, JOIN or a comma, by name and by alias, in lower case. */
const namedTables = (
  sql: string,
  tables: readonly CompletionTable[],
): ReadonlyMap<string, CompletionTable> => {
  const named = new Map<string, CompletionTable>();
  const known = new Map(
    tables.flatMap(table => [table.name, ...table.views].map(name => [name.toLowerCase(), table] as const)),
  );
  for (const [, name = '', alias] of sql.matchAll(
    /(?:\b(?:from|join|update|into)\s+|,\s*)(\w+)(?:\s+(?:as\s+)?(\w+))?/gi,
  )) {
    const table = known.get(name.toLowerCase());
    if (table === undefined) continue;
    named.set(name.toLowerCase(), table);
    if (alias !== undefined && !isKeyword(alias)) named.set(alias.toLowerCase(), table);
  }
  return named;
};

const isKeyword = (word: string): boolean => KEYWORDS.includes(word.toUpperCase());

/** Hidden ones, too: they are useful only to those who name them. */
const columnsOf = (table: CompletionTable | undefined): readonly string[] =>
  (table?.columns ?? []).filter(({ aliasOf }) => aliasOf === undefined).map(({ name }) => name);

const tableNames = (tables: readonly CompletionTable[]): readonly string[] =>
  [...new Set(tables.flatMap(table => [table.name, ...table.views]))].sort();

/** In the case of what was typed. */
const keywordsLike = (word: string): readonly string[] =>
  /^[a-z]/.test(word) ? KEYWORDS.map(keyword => keyword.toLowerCase()) : KEYWORDS;

/** SQL ignores case. */
const among = (typed: string, names: readonly string[]): Completion => [
  [...new Set(names)].filter(name => name.toLowerCase().startsWith(typed.toLowerCase())),
  typed,
];

import { effectiveOptions, type QueryPlan } from './query-context.ts';
import {
  COLUMN_REQUIRED,
  TABLE_EVENT_BASED,
  TABLE_USER_BASED,
  type TableDefinition,
} from './table-definition.ts';

export interface RequiredColumnOptions {
  readonly warn: (message: string) => void;
  readonly defaultIndex: boolean;
  readonly eventsEnabled: boolean;
  /** Core's `isUserAdmin()`. */
  readonly isRoot: boolean;
}

/** Warns, as core does, about a query that lacks what its table needs; true if the table cannot be read at all. */
export const lacksRequired = (
  table: TableDefinition,
  plan: QueryPlan,
  options: RequiredColumnOptions,
): boolean => {
  const constrained = new Set(plan.constraints.filter(({ ignored }) => !ignored).map(({ column }) => column));
  const required = table.columns.filter(
    column => effectiveOptions(column.options, table, options.defaultIndex) & COLUMN_REQUIRED,
  );
  const satisfied = required.length === 0 || required.some(column => constrained.has(column.name));
  const userBased =
    (table.attributes & TABLE_USER_BASED) !== 0 &&
    options.isRoot &&
    !constrained.has('uid') &&
    !constrained.has('username');
  if (userBased) {
    options.warn(
      `The ${table.name} table returns data based on the current user by default, consider JOINing against the users table`,
    );
  } else if (!satisfied) {
    options.warn(withoutRequired(table));
  } else if ((table.attributes & TABLE_EVENT_BASED) !== 0 && !options.eventsEnabled) {
    options.warn(`Table ${table.name} is event-based but events are disabled`);
  }
  return !satisfied;
};

export const withoutRequired = (table: TableDefinition): string =>
  `Table ${table.name} was queried without a required column in the WHERE clause`;

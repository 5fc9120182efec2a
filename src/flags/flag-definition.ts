/** gflags' types. Values travel as text, as osquery's `options()` sends them. */
export type FlagType = 'bool' | 'int32' | 'uint32' | 'uint64' | 'string';

/**
 * - `audit`, `events`: osquery's flags that steer the tables
 * - `core`: osquery's flags that the embedded core obeys
 * - `custom`: our own; in an osquery configuration they stand under `options`
 * - `command`: belongs to one command of ours
 * - `stock`: osquery's, accepted so that any osquery.flags can be read, without effect here
 */
export type FlagGroup = 'audit' | 'events' | 'core' | 'custom' | 'command' | 'stock';

export interface FlagDefinition {
  readonly name: string;
  readonly type: FlagType;
  /** Canonical text: `true`/`false`, decimal digits, or the string itself. */
  readonly defaultValue: string;
  readonly group: FlagGroup;
  readonly help: string;
  /** What it costs to set it: CPU, memory, records. Absent: nothing worth mentioning. */
  readonly cost?: string;
  /** Name of the value in help: `FILE` gives `--replay FILE`. */
  readonly valueName?: string;
  /** Shown by `--help=all` only. */
  readonly hidden?: boolean;
  /** Every occurrence counts; without this, the last one wins. */
  readonly repeatable?: boolean;
  /** Another name of the flag given here. */
  readonly aliasOf?: string;
  /** The only words a string flag takes. */
  readonly words?: readonly string[];
  /** Inclusive; narrower than the type's own range. */
  readonly minimum?: bigint;
  readonly maximum?: bigint;
}

/** Definitions by name, for the parser. The first definition of a name counts. */
export type FlagTable = ReadonlyMap<string, FlagDefinition>;

export const flagTable = (...groups: readonly (readonly FlagDefinition[])[]): FlagTable => {
  const table = new Map<string, FlagDefinition>();
  for (const group of groups) {
    for (const definition of group) {
      if (!table.has(definition.name)) table.set(definition.name, definition);
    }
  }
  return table;
};

/** Follows `aliasOf` to the definition that holds the value. */
export const resolveAlias = (table: FlagTable, definition: FlagDefinition): FlagDefinition =>
  (definition.aliasOf === undefined ? undefined : table.get(definition.aliasOf)) ?? definition;

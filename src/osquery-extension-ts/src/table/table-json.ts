import { columnOptions } from './column.ts';
import { checkTableSpec, type TableSpec } from './table-spec.ts';

/** A table for people and tools, in the form of osquery's own schema (`osquery_schema.json`). */
export interface TableJson {
  readonly name: string;
  readonly description: string;
  readonly url: string;
  readonly platforms: readonly string[];
  readonly evented: boolean;
  readonly cacheable: boolean;
  readonly notes: string;
  readonly examples: readonly string[];
  readonly columns: readonly {
    readonly name: string;
    readonly description: string;
    /** In lower case, with an underscore: "unsigned_bigint". */
    readonly type: string;
    readonly notes: string;
    readonly hidden: boolean;
    readonly required: boolean;
    readonly index: boolean;
    readonly additional?: boolean;
    readonly optimized?: boolean;
  }[];
}

/**
 * A table's specification as JSON, for fleet managers and documentation.
 *
 * @throws OsqueryError OSQUERY_INVALID when the definition is invalid
 */
export function tableJson(spec: TableSpec): TableJson {
  checkTableSpec(spec);
  return {
    name: spec.name,
    description: spec.description ?? '',
    url: spec.url ?? '',
    platforms: spec.platforms ?? [],
    evented: spec.attributes?.eventBased ?? false,
    cacheable: spec.attributes?.cacheable ?? false,
    notes: spec.notes ?? '',
    examples: spec.examples ?? [],
    columns: spec.columns.map(column => {
      const {
        hidden = false,
        required = false,
        index = false,
        additional,
        optimized,
      } = columnOptions(column);
      return {
        name: column.name,
        description: column.description ?? '',
        type: column.type.toLowerCase().replace(' ', '_'),
        notes: '',
        hidden,
        required,
        index,
        ...(additional ? { additional } : {}),
        ...(optimized ? { optimized } : {}),
      };
    }),
  };
}

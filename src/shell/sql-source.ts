/** Where rows come from: the shell's own core, or a running osquery. */
import type { EmbeddedCore } from '../core/embedded-core.ts';

/** All values are text; NULL is empty, unless core has another text for it. */
export type SqlRow = Readonly<Record<string, string>>;

export interface SqlSource {
  query(sql: string, signal?: AbortSignal): Promise<readonly SqlRow[]>;
  /** The columns that a statement returns. */
  columns(sql: string): Promise<readonly { readonly name: string; readonly type: string }[]>;
}

export const coreSource = (core: EmbeddedCore): SqlSource => ({
  query: async (sql, signal) => (await core.query(sql, signal)).rows,
  columns: sql => core.columns(sql),
});

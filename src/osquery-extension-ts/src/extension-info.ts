import type { ExtensionUuid } from './errors.ts';
import type { PluginRow } from './table/encoded-rows.ts';

/** What an extension tells about itself when it registers. */
export interface ExtensionInfo {
  /** Unique among the extensions of one core. */
  readonly name: string;
  readonly version: string;
  /** The osquery SDK it is built for; core refuses versions below 1.7.7, except "0.0.0". */
  readonly sdkVersion: string;
  /** The oldest SDK that it works with; core ignores it. */
  readonly minSdkVersion: string;
}

/** One flag of core. */
export interface OptionInfo {
  /** The present value, as text. */
  readonly value: string;
  /** The value if nobody sets it. */
  readonly defaultValue: string;
  /** "bool", "string", "int32", "uint64", ... */
  readonly type: string;
}

/** Registry name to plugin name to route rows: what an extension registers. */
export type PluginRoutes = ReadonlyMap<string, ReadonlyMap<string, readonly PluginRow[]>>;

/** The path at which core reaches an extension. */
export function extensionSocketPath(managerSocketPath: string, uuid: ExtensionUuid): string {
  return `${managerSocketPath}.${uuid}`;
}

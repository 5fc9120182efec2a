/** How much one input may make us hold. Every length in a trail is a claim until it is checked against these. */
export interface BsmLimits {
  /**
   * Longest record, in bytes. macOS lets arguments and environment of one exec take 1 MiB together (ARG_MAX);
   * paths, labels and the other tokens stay far below the rest.
   */
  readonly maxRecordBytes: number;
  /** Tokens decoded of one record. The kernel's longest records hold a few dozen. */
  readonly maxTokens: number;
  /** Strings decoded of one exec_args or exec_env token. An ARG_MAX of 1-byte arguments stays below. */
  readonly maxStrings: number;
  /** Processes whose parent and path are remembered; the longest unmentioned one is forgotten first. */
  readonly maxProcesses: number;
}

export const DEFAULT_BSM_LIMITS: BsmLimits = {
  maxRecordBytes: 4 * 1024 * 1024,
  maxTokens: 4096,
  maxStrings: 1024 * 1024,
  maxProcesses: 65_536,
};

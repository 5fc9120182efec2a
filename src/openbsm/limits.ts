/** Limits on the memory that one input may take. Every length in a trail is checked against these. */
export interface BsmLimits {
  /**
   * Longest record, in bytes. macOS allows 1 MiB for arguments and environment of one exec together (ARG_MAX); paths,
   * labels and the other tokens are far smaller.
   */
  readonly maxRecordBytes: number;
  /** Tokens decoded of one record. The kernel's longest records hold a few dozen. */
  readonly maxTokens: number;
  /** Strings decoded of one exec_args or exec_env token. An ARG_MAX full of 1-byte arguments stays below this. */
  readonly maxStrings: number;
  /**
   * Processes whose parent and path are remembered. The one that was not mentioned for the longest time is forgotten
   * first.
   */
  readonly maxProcesses: number;
}

export const DEFAULT_BSM_LIMITS: BsmLimits = {
  maxRecordBytes: 4 * 1024 * 1024,
  maxTokens: 4096,
  maxStrings: 1024 * 1024,
  maxProcesses: 65_536,
};

/** One pattern of osquery's configuration, with its category. */
export interface WatchedPattern {
  readonly category: string;
  readonly pattern: string;
}

/** `file_paths` and `exclude_paths` of osquery's configuration. */
export interface WatchedPaths {
  readonly included: readonly WatchedPattern[];
  /** They count only for their own category. */
  readonly excluded: readonly WatchedPattern[];
}

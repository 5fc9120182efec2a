/** One pattern of osquery's configuration, with the category that it stands under. */
export interface WatchedPattern {
  readonly category: string;
  readonly pattern: string;
}

/** `file_paths` and `exclude_paths` of osquery's configuration. */
export interface WatchedPaths {
  readonly included: readonly WatchedPattern[];
  /** They count for their category alone. */
  readonly excluded: readonly WatchedPattern[];
}

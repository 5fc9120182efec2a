import type { ReplayTimes } from '../ingest/replay/replay-times.ts';

/** What `--socket S --timeout N --interval N …` says: how osqueryd, osqueryi and our own shell start the extension. */
export interface ExtensionArgs {
  /** Path of core's extension socket. */
  readonly socket: string;
  /** Seconds to wait for core's socket. */
  readonly timeout: number;
  /** Seconds between checks that core still lives. */
  readonly interval: number;
  readonly verbose: boolean;
  /** Files to take events from instead of the kernel; none: the kernel. */
  readonly replay: readonly string[];
  /** Of which time; undefined: of any. */
  readonly times: ReplayTimes | undefined;
  /** Flags given by hand, by name, as canonical text: they win over core's `options()`. */
  readonly overrides: ReadonlyMap<string, string>;
}

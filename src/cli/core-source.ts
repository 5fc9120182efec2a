import { fileURLToPath } from 'node:url';
import { auditFlags, eventFlags } from '../flags/audit-flags.ts';
import { CUSTOM_PREFIX } from '../flags/custom-options.ts';
import type { FlagDefinition } from '../flags/flag-definition.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import { liveEvents, readHostFacts, recordedLogs } from '../runtime/host-facts.ts';
import type { RunCoreOptions } from '../shell/run-core.ts';
import { ownExtension } from './own-extension.ts';
import { replayTimeArguments, replayTimes } from './replay-times.ts';
import { SourceError } from './report-error.ts';

/** Defaults for live events: someone who opens a shell as root wants to see events. */
export const liveDefaults: Readonly<Record<string, string>> = { audit_allow_config: 'true' };

/**
 * Defaults for recorded events: someone who replays a file wants all of it, so only the disk bounds it, and events do
 * not expire.
 */
export const replayDefaults: Readonly<Record<string, string>> = {
  events_max: '1000000000000',
  custom_audit_buffer_bytes: '17179869184',
};

/**
 * The defaults in osquery's guide for the audit and event flags. They are passed on because the embedded core has the
 * defaults of osquery 5.23, where `events_expiry` and `events_max` differ.
 */
const documentedDefaults = [...auditFlags, ...eventFlags].map(
  ({ name, defaultValue }) => [name, defaultValue] as const,
);

/** A shell shows what happens from now on, and keeps nothing on disk. */
const SHELL_DEFAULTS = [[`${CUSTOM_PREFIX}state_dir`, 'none']] as const;

interface EventSource {
  /** Files to replay; empty: the kernel. */
  readonly replay: readonly string[];
  readonly defaults: Readonly<Record<string, string>>;
}

/**
 * An embedded core on the events that the flags ask for: recorded ones, the kernel's, or else those of fixtures/.
 *
 * @param ownFlags the command's own, which core does not know
 * @param defaults of the command for live events
 */
export const coreOnEvents = async (
  flags: ParsedFlags,
  ownFlags: readonly FlagDefinition[],
  defaults: Readonly<Record<string, string>> = {},
): Promise<RunCoreOptions> => {
  const source = await chooseSource(flags);
  const own = new Set(ownFlags.map(({ name }) => name));
  const coreFlags = new Map([
    ...documentedDefaults,
    ...SHELL_DEFAULTS,
    ...Object.entries(source.replay.length > 0 ? {} : defaults),
    ...Object.entries(source.defaults),
    ...[...flags.values].filter(([name]) => !own.has(name)),
  ]);
  // With false, core would tell the extension that core itself reads the audit socket; the embedded core cannot.
  coreFlags.set('disable_audit', 'true');
  const readsFiles = source.replay.length > 0;
  if (readsFiles) {
    // An answer can be as large as the recorded log.
    const { BESIDE_OTHERS, settleMemory } = await import('../runtime/memory.ts');
    settleMemory(BESIDE_OTHERS);
  }
  const extensionArgs = [
    ...source.replay.map(path => `--replay=${path}`),
    ...replayTimeArguments(replayTimes(flags)),
  ];
  return { coreFlags, extension: ownExtension(extensionArgs), readsFiles, stderr: process.stderr };
};

/** Prints a line on stderr if recorded events stand in for live ones. */
const chooseSource = async (flags: ParsedFlags): Promise<EventSource> => {
  const given = flags.lists.get('replay') ?? [];
  if (given.length > 0) {
    const { checkReplay } = await import('../ingest/replay/open-replay.ts');
    for (const path of given) await checkReplay(path);
    return { replay: given, defaults: replayDefaults };
  }
  const live = liveEvents(readHostFacts());
  if (live.kind === 'possible') return { replay: [], defaults: liveDefaults };
  const recorded = recordedLogs(fileURLToPath(new URL('../../fixtures', import.meta.url)));
  if (recorded.length === 0) {
    throw new SourceError(`no events to show: ${live.why}; give --replay FILE`);
  }
  process.stderr.write(`Showing the recorded events in fixtures/: ${live.why}.\n`);
  return { replay: recorded, defaults: replayDefaults };
};

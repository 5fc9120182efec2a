import { PROGRAM, PROGRAM_COMM } from '../runtime/program-name.ts';
import type { ReadFacts } from './facts.ts';

export type ExtensionPresence =
  /** `pid` is undefined if only osquery says that it runs. */
  | { readonly kind: 'present'; readonly pid: number | undefined }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown' };

/**
 * Whether an extension of ours runs on this host: registered with the osquery that was asked, or seen as a process.
 */
export const extensionPresence = ({
  core,
  processes,
}: Pick<ReadFacts, 'core' | 'processes'>): ExtensionPresence => {
  // Any user can give a process our name.
  const pid = [...processes.names].find(
    ([pid, comm]) => comm === PROGRAM_COMM && !processes.ofUsers.has(pid),
  )?.[0];
  if (pid !== undefined) return { kind: 'present', pid };
  if (core.kind === 'running' && core.extensions.has(PROGRAM)) return { kind: 'present', pid: undefined };
  return processes.complete ? { kind: 'absent' } : { kind: 'unknown' };
};

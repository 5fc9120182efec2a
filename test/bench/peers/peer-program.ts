import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { RuleSelection } from '../../../src/audit/control/rules.ts';

/** What a peer is to record: the same that a scenario makes of the extension. */
export type PeerLoad = 'connects' | 'execs';

/** Another program in the extension's place. */
export interface PeerProgram extends AsyncDisposable {
  /** User and system, of all its threads, so far. */
  readonly cpuSeconds: number;
  /** Ends it, audit as it was found. @returns events it has of a load's process: its connects, or the programs it ran */
  end(pid: number): Promise<number>;
}

const NOTHING: RuleSelection = {
  processEvents: false,
  forkProcessEvents: false,
  killProcessEvents: false,
  sockets: false,
  acceptSocketEvents: true,
  failedSocketEvents: false,
  nullAcceptSocketEvents: false,
  datagrams: false,
};

/** The rules that the extension has, for those that take its place. */
export const ruleSelections: Readonly<Record<PeerLoad, RuleSelection>> = {
  connects: { ...NOTHING, sockets: true },
  execs: { ...NOTHING, processEvents: true },
};

/** Where daemons are, if they are installed, on systems whose PATH has it and on those whose PATH has not. */
const MORE_DIRECTORIES = ['/sbin', '/usr/sbin', '/opt/osquery/bin'];

/** Path of an installed program; undefined if there is none. */
export const findProgram = (name: string): string | undefined =>
  [...(process.env.PATH ?? '').split(':'), ...MORE_DIRECTORIES]
    .map(directory => join(directory, name))
    .find(path => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });

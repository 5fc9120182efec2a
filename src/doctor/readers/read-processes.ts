import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isTrustedStatus } from '../../audit/control/stream-owner.ts';
import { hasCapability, parseThreadStatus } from '../../runtime/capabilities.ts';
import { PROGRAM_COMM } from '../../runtime/program-name.ts';
import type { ProcessFacts } from '../facts.ts';

/** Names of all running processes except `ownPid`, from procfs below `root`. */
export const readProcesses = (root: string, ownPid: number = process.pid): ProcessFacts => {
  const names = new Map<number, string>();
  const ofUsers = new Set<number>();
  const withoutAudit = new Set<number>();
  let entries: readonly string[] = [];
  try {
    entries = readdirSync(join(root, 'proc'));
  } catch {
    // Without procfs nothing is known about other processes.
  }
  for (const entry of entries) {
    if (!/^[1-9][0-9]*$/.test(entry)) continue;
    const pid = Number(entry);
    if (pid === ownPid) continue;
    const read = (file: string): string => readFileSync(join(root, 'proc', entry, file), 'utf8');
    try {
      // A process that ended keeps its name until its parent has waited for it.
      if (isZombie(read('stat'))) continue;
      const name = read('comm').replace(/\n$/, '');
      const status = read('status');
      const isTrusted = isTrustedStatus(status);
      names.set(pid, name);
      if (!isTrusted) ofUsers.add(pid);
      if (name === PROGRAM_COMM && !mayChangeAudit(status)) withoutAudit.add(pid);
    } catch {
      // It ended in the meantime.
    }
  }
  // With hidepid, processes of other users are not listed, and init is one of them.
  return { names, ofUsers, withoutAudit, complete: names.has(1) || ownPid === 1 };
};

/** From /proc/PID/status; true if that does not tell. */
const mayChangeAudit = (status: string): boolean => {
  const privileges = parseThreadStatus(status);
  return privileges === undefined || hasCapability(privileges.permitted, 'CAP_AUDIT_CONTROL');
};

/** From /proc/PID/stat: the state comes after the name, which may contain anything. */
const isZombie = (stat: string): boolean => stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');

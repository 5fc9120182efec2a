import { join } from 'node:path';
import type { SecurityFacts } from '../facts.ts';
import { readText } from './read-text.ts';

const MAX_BYTES = 64 * 1024;

/**
 * Reads which parts of the kernel can report something. Source: security/inode.c (`capability,landlock,yama,apparmor`) and
 * kernel/seccomp.c (`kill_process kill_thread trap errno …`).
 */
export const readSecurity = (root: string): SecurityFacts => {
  const list = (path: string, separator: RegExp): readonly string[] | undefined => {
    const reading = readText(join(root, path), MAX_BYTES);
    return reading.kind === 'read' ? reading.text.trim().split(separator).filter(Boolean) : undefined;
  };
  return {
    modules: list('/sys/kernel/security/lsm', /,/),
    loggedActions: list('/proc/sys/kernel/seccomp/actions_logged', /\s+/),
  };
};

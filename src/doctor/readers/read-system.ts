import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { auditsFromBoot } from '../../runtime/kernel-command-line.ts';
import type { SystemFacts } from '../facts.ts';
import { readText } from './read-text.ts';

const MAX_BYTES = 64 * 1024;
/** Source: os-release(5); the first that exists counts. */
const OS_RELEASE = ['/etc/os-release', '/usr/lib/os-release'];

/** Reads which distribution this is, and how its kernel was started, below `root`. */
export const readSystem = (root: string): SystemFacts => {
  const text = (path: string): string | undefined => {
    const reading = readText(join(root, path), MAX_BYTES);
    return reading.kind === 'read' ? reading.text : undefined;
  };
  const release = OS_RELEASE.map(text).find(found => found !== undefined) ?? '';
  const commandLine = text('/proc/cmdline');
  return {
    ids: ['ID', 'ID_LIKE'].flatMap(name => variable(release, name).split(/\s+/).filter(Boolean)),
    isOstree: existsSync(join(root, '/run/ostree-booted')),
    isTransactional: existsSync(join(root, '/usr/sbin/transactional-update')),
    auditsFromBoot: commandLine !== undefined && auditsFromBoot(commandLine),
  };
};

/** The value of a variable: shell's syntax, but without expansion, as os-release(5) asks for. */
const variable = (text: string, name: string): string => {
  const match = new RegExp(`^${name}=(?:"([^"\\n]*)"|'([^'\\n]*)'|(.*))$`, 'm').exec(text);
  return (match?.[1] ?? match?.[2] ?? match?.[3] ?? '').trim();
};

import { closeSync, constants, fstatSync, openSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootId } from '../../runtime/boot-id.ts';
import { trustedDirectory } from '../../runtime/trusted-directory.ts';

/** Rules of others that `audit_force_reconfigure` removed, kept safe in case this process is killed. */
export interface RemovedRules {
  /** struct audit_rule_data of each rule; none if nothing is kept, or it cannot be read. */
  load(): readonly Uint8Array[];
  /** @throws Error if they cannot be stored */
  save(rules: readonly Uint8Array[]): void;
  clear(): void;
}

const FILE = 'osquery-audit-events.rules';
const MAX_RULE_BYTES = 8_192;

/**
 * Stores them in a file in /run, for as long as the kernel would keep them: one base64 line each, after a line with
 * the boot id. Most systems empty /run at boot; the boot id covers the others.
 */
export const removedRulesIn = (directory = '/run'): RemovedRules => {
  const path = join(directory, FILE);
  const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;
  const clear = (): void => {
    try {
      unlinkSync(path);
    } catch {
      // There was no file.
    }
  };
  return {
    load() {
      try {
        trustedDirectory(directory);
        const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
        try {
          // In a sticky directory anybody can make a file of this name.
          if (fstatSync(fd).uid !== process.geteuid?.()) return [];
          const [boot, ...lines] = readFileSync(fd, 'latin1').trimEnd().split('\n');
          if (boot !== bootId()) return [];
          return lines
            .map(line => Uint8Array.from(Buffer.from(line, 'base64')))
            .filter(({ length }) => length > 0 && length <= MAX_RULE_BYTES);
        } finally {
          closeSync(fd);
        }
      } catch {
        return [];
      }
    },
    save(rules) {
      trustedDirectory(directory);
      clear();
      const fd = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      try {
        const lines = [bootId(), ...rules.map(rule => Buffer.from(rule).toString('base64'))];
        writeFileSync(fd, `${lines.join('\n')}\n`);
      } finally {
        closeSync(fd);
      }
    },
    clear,
  };
};

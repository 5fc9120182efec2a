import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { removedRulesIn } from '../../../src/audit/control/removed-rules.ts';
import { unless, whyNotLinux, whyNotRoot } from '../../unless.ts';
import { foreignRule } from '../fake-kernel.ts';

const FILE = 'osquery-audit-events.rules';
const RULES = [foreignRule('first'), foreignRule('second')];
const directory = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'removed-rules-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
};

describe('removed rules', unless(whyNotLinux), () => {
  it('are there for the next process, in a file of this user alone', () => {
    const path = directory();
    removedRulesIn(path).save(RULES);
    expect(removedRulesIn(path).load()).toEqual(RULES);
    expect(statSync(join(path, FILE)).mode & 0o777).toBe(0o600);
    removedRulesIn(path).clear();
    expect(removedRulesIn(path).load()).toEqual([]);
  });

  it('are not taken from another boot', () => {
    const path = directory();
    removedRulesIn(path).save(RULES);
    const [, ...lines] = readFileSync(join(path, FILE), 'latin1').split('\n');
    writeFileSync(join(path, FILE), ['another boot', ...lines].join('\n'));
    expect(removedRulesIn(path).load()).toEqual([]);
  });

  it('neither follow a link nor come by one', () => {
    const path = directory();
    const target = join(path, 'target');
    writeFileSync(target, 'precious');
    symlinkSync(target, join(path, FILE));
    expect(removedRulesIn(path).load()).toEqual([]);
    removedRulesIn(path).save(RULES);
    expect(readFileSync(target, 'utf8')).toBe('precious');
    expect(removedRulesIn(path).load()).toEqual(RULES);
  });

  it("are not taken from another user's file", unless(whyNotRoot), () => {
    const path = directory();
    removedRulesIn(path).save(RULES);
    chownSync(join(path, FILE), 65534, 65534);
    expect(removedRulesIn(path).load()).toEqual([]);
  });

  it('are not put where others can replace them', () => {
    const path = directory();
    removedRulesIn(path).save(RULES);
    chmodSync(path, 0o777);
    expect(() => removedRulesIn(path).save(RULES)).toThrow(/writable by others/);
    expect(removedRulesIn(path).load()).toEqual([]);
    expect(existsSync(join(path, FILE))).toBe(true);
  });
});

import { type FlagRule, flagRules } from '../doctor/checks/flag-rules.ts';
import type { Facts } from '../doctor/facts.ts';
import { effectiveFlag } from '../doctor/flag-view.ts';
import { type FlagLines, readFlagLines } from '../doctor/readers/read-flags.ts';
import type { HostFacts } from '../runtime/host-facts.ts';
import type { Edit } from './edit-autoload.ts';
import { withBlock, withoutBlocks } from './marked.ts';

export interface FlagEditOptions {
  readonly host: HostFacts;
  readonly path: string;
  /** The text of the osquery.flags that comes with the program. */
  readonly shipped: string;
  /** Our own paths where osquery's default differs. They are set unless the file sets others. */
  readonly paths: ReadonlyMap<string, string>;
}

/** A flagfile: its text without our block, and that block. */
export interface FlagEdit extends Edit {
  /** The value in force after the edit, by name; undefined where osquery's default counts. */
  readonly effective: (name: string) => string | undefined;
}

const factsOf = (
  { values }: Pick<FlagLines, 'values'>,
  { host, path }: FlagEditOptions,
): Pick<Facts, 'flags' | 'core' | 'config' | 'host'> => ({
  host,
  flags: { kind: 'file', path, values, problems: [] },
  core: { kind: 'absent', path: '' },
  config: { kind: 'missing', path: '' },
});

/**
 * Adds what a flagfile lacks: flags whose osquery default is wrong for events, and overrides of values that keep
 * events away. If a flag stands on two lines, osquery takes the last one, so the lines of others can stay where they
 * are.
 *
 * @param content the file, bytes as characters; an earlier block of ours is replaced
 */
export const addFlags = (content: string, options: FlagEditOptions): FlagEdit => {
  const shipped = new Map([...readFlagLines('/', options.shipped).values, ...options.paths]);
  const { content: others, changed } = withoutOurs(content, options);
  const found = readFlagLines('/', asUtf8(others));
  const facts = factsOf(found, options);
  // What is added also decides which tables there will be.
  const after = factsOf({ values: new Map([...shipped, ...found.values]) }, options);
  const rules = new Map(flagRules.map(rule => [rule.name, rule]));
  const lines: string[] = [];
  const remarks = found.problems.map(problem => `${problem}: osquery skips it`);
  for (const { number, text } of changed)
    remarks.push(`line ${number} was changed since setup wrote it, and stays: ${text}`);
  const values = new Map(found.values);
  for (const name of new Set([...shipped.keys(), ...rules.keys()])) {
    const value = lackingValue({
      name,
      shipped: shipped.get(name),
      rule: rules.get(name),
      facts,
      after,
      found,
    });
    if (value === undefined) continue;
    lines.push(`--${name}=${value}`);
    values.set(name, value);
    const place = found.places.get(name);
    if (place !== undefined) {
      remarks.push(
        `line ${place} sets --${name}=${found.values.get(name)}, with which ${rules.get(name)!.consequence}: setup's line below it counts instead`,
      );
    }
  }
  return {
    content: withBlock(others, lines),
    remarks,
    effective: name => effectiveFlag(factsOf({ values }, options), name),
  };
};

/** Removes our block from a flagfile. */
export const removeFlags = (content: string, options: FlagEditOptions): FlagEdit => {
  const { content: others, changed } = withoutOurs(content, options);
  const { values } = readFlagLines('/', asUtf8(others));
  return {
    content: others,
    remarks: changed.map(
      ({ number, text }) => `line ${number} was changed since setup wrote it, and stays: ${text}`,
    ),
    // Our own block may say where things are.
    effective: name =>
      effectiveFlag(factsOf({ values: new Map([...options.paths, ...values]) }, options), name),
  };
};

/** The value that has to be set; undefined if the file is right as it is. */
const lackingValue = ({
  name,
  shipped,
  rule,
  facts,
  after,
  found,
}: {
  readonly name: string;
  readonly shipped: string | undefined;
  readonly rule: FlagRule | undefined;
  readonly facts: ReturnType<typeof factsOf>;
  readonly after: ReturnType<typeof factsOf>;
  readonly found: FlagLines;
}): string | undefined => {
  const value = effectiveFlag(facts, name);
  const isBad = rule !== undefined && value !== undefined && !rule.isGood(value, after);
  if (found.values.has(name)) return isBad ? rule.wanted(after) : undefined;
  if (shipped !== undefined && shipped !== value)
    return isBad && !rule.isGood(shipped, after) ? rule.wanted(facts) : shipped;
  return isBad ? rule.wanted(facts) : undefined;
};

const withoutOurs = (content: string, { shipped, paths }: FlagEditOptions) => {
  const ours = new Set(
    [...readFlagLines('/', shipped).values, ...paths].map(([name, value]) => `--${name}=${value}`),
  );
  return withoutBlocks(content, line => ours.has(line));
};

const asUtf8 = (bytes: string): string => Buffer.from(bytes, 'latin1').toString();

import { readAuditSettings } from '../../flags/audit-settings.ts';
import { CUSTOM_PREFIX } from '../../flags/custom-options.ts';
import { type CheckResult, ok, problem, unknown } from '../check-result.ts';
import type { Facts } from '../facts.ts';
import { type ConfiguredFlag, flagfileName, viewFlag } from '../flag-view.ts';
import { type FlagRule, flagRules } from './flag-rules.ts';
import { osqueryIsHere } from './osquery.ts';

type FlagSources = Pick<Facts, 'flags' | 'core' | 'config' | 'host'>;

const RUNNING = 'in the running osquery';

/**
 * The flags: whether their file can be read, and whether each is right, both for the next start and in the running
 * osquery.
 */
export const checkFlags = (facts: FlagSources): readonly CheckResult[] => {
  if (!osqueryIsHere(facts)) return [];
  const file = checkFile(facts);
  if (facts.core.kind !== 'running' && facts.flags.kind !== 'file' && facts.flags.kind !== 'given')
    return file;
  return [...file, ...flagRules.map(rule => checkFlag(rule, facts)), ...checkCustomOptions(facts)];
};

const checkFile = ({ flags, core }: FlagSources): readonly CheckResult[] => {
  switch (flags.kind) {
    case 'given':
      return [];
    case 'file':
      return flags.problems.length === 0
        ? [ok('flagfile', `${flags.path} can be read, and every line in it is valid`)]
        : flags.problems.map(text =>
            problem(
              'flagfile',
              `${flags.path}, ${text}`,
              'correct or remove the line: osqueryd skips it silently',
            ),
          );
    case 'missing':
      return core.kind === 'running'
        ? [
            unknown(
              'flagfile',
              `${flags.path} does not exist; the running osquery has its flags from another file`,
              'name the file that it was started with: --flagfile PATH',
            ),
          ]
        : [
            problem(
              'flagfile',
              `${flags.path} does not exist`,
              'put our osquery.flags there, or name the file that osqueryd is started with: --flagfile PATH',
            ),
          ];
    case 'unreadable':
      return [unknown('flagfile', `${flags.path} cannot be read: ${flags.why}`, 'run the doctor as root')];
  }
};

const checkFlag = (rule: FlagRule, facts: FlagSources): CheckResult => {
  const check = `--${rule.name}`;
  const { running, configured } = viewFlag(facts, rule.name);
  const line = `--${rule.name}=${rule.wanted(facts)}`;
  const file = flagfileName(facts);
  const configuredGood = configured !== undefined && rule.isGood(configured.value, facts);

  if (running !== undefined) {
    if (!rule.isGood(running, facts)) {
      const found = `${shown(running)} ${RUNNING}: ${rule.consequence}`;
      return configured?.by !== undefined && configuredGood
        ? problem(
            check,
            `${found}; ${configured.by} says ${shown(configured.value)}`,
            'restart osqueryd with this file; if that changes nothing, look for the flag on its command line and under "options" in its configuration',
          )
        : problem(check, found, `put ${line} into ${file} and restart osqueryd`);
    }
    return configured?.by !== undefined && !configuredGood
      ? problem(
          check,
          `${shown(running)} ${RUNNING}, but ${configured.by} says ${shown(configured.value)}, which counts from the next start: ${rule.consequence}`,
          `put ${line} into ${file}`,
        )
      : ok(check, `${shown(running)} ${RUNNING}`);
  }
  if (configured === undefined) {
    return unknown(check, `the running osquery does not say`, 'name its flagfile: --flagfile PATH');
  }
  const found = `${shown(configured.value)} ${origin(configured)}`;
  return configuredGood
    ? ok(check, found)
    : problem(check, `${found}: ${rule.consequence}`, `put ${line} into ${file} and restart osqueryd`);
};

const origin = ({ by }: ConfiguredFlag): string => (by === undefined ? 'by default' : `in ${by}`);

const shown = (value: string): string => (value === '' ? 'empty' : value);

/** Our own options: malformed values and unknown names. */
const checkCustomOptions = ({ core, config }: FlagSources): readonly CheckResult[] => {
  const options =
    core.kind === 'running'
      ? core.options
      : config.kind === 'read'
        ? config.options
        : new Map<string, string>();
  const own = [...options].filter(([name]) => name.startsWith(CUSTOM_PREFIX));
  return readAuditSettings(new Map(own)).warnings.map(warning =>
    problem(
      `${CUSTOM_PREFIX}…`,
      warning,
      'correct it under "options" in the osquery configuration; "osquery-audit-events --help=all" lists them',
    ),
  );
};

import { ownRule } from '../../audit/control/rules.ts';
import { FILES_KEY } from '../../audit/rule-keys.ts';
import { type CheckResult, ok, problem } from '../check-result.ts';
import { extensionPresence } from '../extension-presence.ts';
import type { Facts } from '../facts.ts';
import { effectiveFlag, flagfileName } from '../flag-view.ts';
import { osqueryIsHere } from './osquery.ts';

const CHECK = 'watched files';
const FLAG = 'audit_allow_fim_events';
const EXAMPLE = '"file_paths": {"configuration": ["/etc/%%"]}';

/** Checks, if audit_allow_fim_events is on, that the configuration names files and that the kernel watches some. */
export const checkWatchedFiles = (
  facts: Pick<Facts, 'flags' | 'core' | 'config' | 'processes' | 'audit'>,
): readonly CheckResult[] => {
  if (!osqueryIsHere(facts) || effectiveFlag(facts, FLAG) !== 'true') return [];
  const { audit, config } = facts;
  const named = hasWholeConfig(facts) && config.kind === 'read' ? config.filePaths : undefined;
  if (named === 0 && config.kind === 'read') {
    return [
      problem(
        CHECK,
        `--${FLAG} is true, but ${config.path} has no file_paths: process_file_events stays empty`,
        `name the files to watch, such as ${EXAMPLE}, or put --${FLAG}=false into ${flagfileName(facts)}`,
      ),
    ];
  }
  const patterns = named === undefined ? '' : `, for ${counted(named, 'pattern')} in the configuration`;
  if (audit.kind !== 'read') return [];
  const rules = audit.rules.filter(
    rule => ownRule(rule) !== undefined && Buffer.from(rule).includes(FILES_KEY),
  ).length;
  if (extensionPresence(facts).kind !== 'present')
    return named === undefined
      ? []
      : [ok(CHECK, `${counted(named, 'pattern')} in the configuration; the extension makes rules from them`)];
  if (rules > 0) return [ok(CHECK, `${counted(rules, 'rule')} of the kernel in place${patterns}`)];
  return [
    problem(
      CHECK,
      `--${FLAG} is true and the extension is running, but no rule watches a file${patterns}`,
      'osqueryd’s log names what cannot be watched, and why ("process_file_events does not watch …"); without file_paths in the configuration no file is watched',
    ),
  ];
};

/** Whether the configuration that was read is the only source of watched files. */
const hasWholeConfig = (facts: Pick<Facts, 'flags' | 'core' | 'config'>): boolean =>
  (effectiveFlag(facts, 'config_plugin') ?? 'filesystem') === 'filesystem';

const counted = (count: number, what: string): string => (count === 1 ? `1 ${what}` : `${count} ${what}s`);

import { isAmongTables, prefixedName } from '../../../tables/table-name.ts';
import { PROGRAM } from '../../runtime/program-name.ts';
import { type CheckResult, ok, problem, unknown } from '../check-result.ts';
import { extensionPresence } from '../extension-presence.ts';
import type { Facts, RunningCore } from '../facts.ts';
import { tablesThatAreOn } from '../our-tables.ts';

const OSQUERY = 'osquery';
const EXTENSION = 'extension';

/** Whether osquery runs and has loaded the extension. */
export const checkOsquery = (
  facts: Pick<Facts, 'core' | 'flags' | 'config' | 'processes'>,
): readonly CheckResult[] => {
  const { core, processes } = facts;
  const daemons = [...processes.names].filter(([, comm]) => comm === 'osqueryd' || comm === 'osqueryi');
  const running = daemons.map(([pid, comm]) => `${comm}, pid ${pid}`).join('; ');
  switch (core.kind) {
    case 'running':
      return [checkConfiguration(core), ...checkExtension(facts, core)];
    case 'unreachable':
      return [
        core.denied
          ? unknown(
              OSQUERY,
              `${core.path} may not be asked: ${core.why}`,
              'run the doctor as the user that osquery runs as',
            )
          : problem(
              OSQUERY,
              `nobody answers at ${core.path}: ${core.why}${running === '' ? '' : ` (${running} runs)`}`,
              'start osqueryd with --disable_extensions=false, or name the socket of the running one: --socket PATH',
            ),
      ];
    case 'absent':
      if (!osqueryIsHere(facts) && daemons.length === 0) {
        return [
          problem(
            OSQUERY,
            `osquery is not set up here: no flags in ${facts.flags.kind === 'given' ? 'the flagfile' : facts.flags.path}, no configuration in ${facts.config.path}, no socket at ${core.path}, no process`,
            'install osquery with our osquery.flags, or name what it uses: --flagfile, --config_path, --socket; "osquery-audit-events shell" needs none of these',
          ),
        ];
      }
      return [
        unknown(
          OSQUERY,
          `no osquery has its socket at ${core.path}${running === '' ? '' : ` (${running} runs)`}, so the checks of flags are about its next start`,
          'start osqueryd, or name the socket of the running one: --socket PATH',
        ),
      ];
  }
};

/** Whether anything shows that osquery should run on this host. */
export const osqueryIsHere = ({ core, flags, config }: Pick<Facts, 'core' | 'flags' | 'config'>): boolean =>
  core.kind !== 'absent' ||
  flags.kind === 'file' ||
  flags.kind === 'unreadable' ||
  (flags.kind === 'given' && flags.values.size > 0) ||
  config.kind !== 'missing';

const checkConfiguration = (core: RunningCore): CheckResult => {
  const name = `osquery${core.version === undefined ? '' : ` ${core.version}`}`;
  const process = core.pid === undefined ? '' : `, pid ${core.pid},`;
  return core.configValid === false
    ? problem(
        OSQUERY,
        `${name}${process} answers at ${core.path}, without a valid configuration`,
        'run "osqueryd --config_check --config_path PATH", correct what it names, and restart osqueryd',
      )
    : ok(OSQUERY, `${name}${process} answers at ${core.path}`);
};

const checkExtension = (
  facts: Pick<Facts, 'core' | 'flags' | 'config' | 'processes'>,
  core: RunningCore,
): readonly CheckResult[] => {
  const version = core.extensions.get(PROGRAM);
  if (version === undefined) {
    const presence = extensionPresence(facts);
    return [
      problem(
        EXTENSION,
        presence.kind === 'present'
          ? `${PROGRAM} runs as pid ${presence.pid}, but is not registered with this osquery`
          : `${PROGRAM} is not registered with this osquery`,
        "see the extension file below, and osqueryd's log for the reason; or start it by hand: osquery-audit-events --socket " +
          core.path,
      ),
    ];
  }
  const missing = tablesThatAreOn(facts).filter(
    table =>
      core.tables?.some(
        ({ name, native }) => !native && isAmongTables(name, [table, prefixedName(table)]),
      ) === false,
  );
  return [
    missing.length === 0
      ? ok(EXTENSION, `${PROGRAM} ${version} is registered`)
      : problem(
          EXTENSION,
          `${PROGRAM} ${version} is registered without ${missing.join(', ')}`,
          'update the extension and restart osqueryd',
        ),
  ];
};

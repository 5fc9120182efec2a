import type { FlagDefinition } from './flag-definition.ts';

type CoreFlag<Name extends string> = FlagDefinition & { readonly name: Name };

const core = <const Name extends string>(
  name: Name,
  type: FlagDefinition['type'],
  defaultValue: string,
  help: string,
): CoreFlag<Name> => ({ name, type, defaultValue, group: 'core', help, hidden: false });

/** A flag that only `--help=all` shows. */
const hidden = <const Name extends string>(
  name: Name,
  type: FlagDefinition['type'],
  defaultValue: string,
  help: string,
): CoreFlag<Name> => ({ ...core(name, type, defaultValue, help), hidden: true });

/**
 * osquery's flags that an embedded core obeys or passes to its extensions, with osquery's defaults on Linux. osquery
 * keeps `extensions_timeout` and `extensions_interval` as text; here they are checked as numbers. Source: osquery
 * 5.23, `osqueryd --help`.
 */
export const coreFlags = [
  core('disable_tables', 'string', '', 'Comma-separated names of tables that are not attached'),
  core('enable_tables', 'string', '', 'Comma-separated names of the only tables that are attached'),
  core('disable_extensions', 'bool', 'false', 'Do not offer the extension socket'),
  core('extensions_socket', 'string', '/var/osquery/osquery.em', 'Path of the extension socket'),
  core('extensions_require', 'string', '', 'Comma-separated names of extensions to wait for'),
  core('extensions_timeout', 'uint32', '3', 'Seconds to wait for the extension to register'),
  core('extensions_interval', 'uint32', '3', 'Seconds between checks that the other side lives'),
  core('extensions_default_index', 'bool', 'true', 'Hand WHERE constraints on every column to the extension'),
  core('verbose', 'bool', 'false', 'Say more on stderr, and show the stack of an internal error'),
  core(
    'config_path',
    'string',
    '/etc/osquery/osquery.conf',
    'Configuration file in JSON: options, schedule, packs',
  ),
  hidden('database_path', 'string', '/var/osquery/osquery.db', 'Where osquery keeps its database'),
  hidden('disable_database', 'bool', 'false', 'Keep the database in memory'),
  hidden('logger_plugin', 'string', 'filesystem', 'Where results of scheduled queries go'),
  hidden('logger_path', 'string', '/var/log/osquery/', 'Directory of the result and status logs'),
  hidden('disable_logging', 'bool', 'false', 'Write no logs'),
  hidden('pidfile', 'string', '/var/osquery/osqueryd.pidfile', 'File that holds the process id'),
  hidden('host_identifier', 'string', 'hostname', 'How the host is named in results'),
  hidden('specified_identifier', 'string', '', 'The name for --host_identifier=specified'),
  hidden('enable_numeric_monitoring', 'bool', 'false', 'Count scheduled queries instead of naming them'),
  hidden('nullvalue', 'string', '', 'Text for NULL'),
  hidden('pack_delimiter', 'string', '_', 'Stands between the names of pack and query'),
  hidden(
    'schedule_default_interval',
    'uint64',
    '3600',
    'Seconds between runs of a query without an interval',
  ),
  hidden('schedule_splay_percent', 'uint64', '10', 'Shift intervals at random by up to this many percent'),
  hidden('schedule_max_drift', 'uint64', '60', 'Seconds of delay that the schedule makes up for'),
  hidden('schedule_timeout', 'uint64', '0', 'Stop the schedule after so many seconds; 0: never'),
  hidden('schedule_epoch', 'uint64', '0', 'Number put into every result'),
  hidden('schedule_lognames', 'bool', 'false', 'Log the name of each query as it runs'),
  hidden('schedule_reload', 'uint64', '3600', 'Seconds between reloads of the database'),
  hidden('thrift_timeout', 'uint32', '300', 'Seconds that one message over the extension socket may take'),
  hidden('thrift_string_size_limit', 'int32', '0', 'Longest string in a message, in bytes; 0: no limit'),
] as const satisfies readonly FlagDefinition[];

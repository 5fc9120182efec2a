import type { FlagDefinition } from './flag-definition.ts';

const core = (
  name: string,
  type: FlagDefinition['type'],
  defaultValue: string,
  help: string,
  hidden = false,
): FlagDefinition => ({ name, type, defaultValue, group: 'core', help, hidden });

/**
 * osquery's flags that an embedded core gives meaning to or tells its extensions, with osquery's defaults on Linux.
 * osquery keeps `extensions_timeout` and `extensions_interval` as text; here they are checked as numbers.
 * Source: osquery 5.23, `osqueryd --help`.
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
  core('database_path', 'string', '/var/osquery/osquery.db', 'Where osquery keeps its database', true),
  core('disable_database', 'bool', 'false', 'Keep the database in memory', true),
  core('logger_plugin', 'string', 'filesystem', 'Where results of scheduled queries go', true),
  core('logger_path', 'string', '/var/log/osquery/', 'Directory of the result and status logs', true),
  core('disable_logging', 'bool', 'false', 'Write no logs', true),
  core('pidfile', 'string', '/var/osquery/osqueryd.pidfile', 'File that holds the process id', true),
  core('host_identifier', 'string', 'hostname', 'How the host is named in results', true),
  core('specified_identifier', 'string', '', 'The name for --host_identifier=specified', true),
  core('enable_numeric_monitoring', 'bool', 'false', 'Count scheduled queries instead of naming them', true),
  core('nullvalue', 'string', '', 'Text for NULL', true),
  core('pack_delimiter', 'string', '_', 'Stands between the names of pack and query', true),
  core(
    'schedule_default_interval',
    'uint64',
    '3600',
    'Seconds between runs of a query without an interval',
    true,
  ),
  core(
    'schedule_splay_percent',
    'uint64',
    '10',
    'Shift intervals at random by up to this many percent',
    true,
  ),
  core('schedule_max_drift', 'uint64', '60', 'Seconds of delay that the schedule makes up for', true),
  core('schedule_timeout', 'uint64', '0', 'Stop the schedule after so many seconds; 0: never', true),
  core('schedule_epoch', 'uint64', '0', 'Number put into every result', true),
  core('schedule_lognames', 'bool', 'false', 'Log the name of each query as it runs', true),
  core('schedule_reload', 'uint64', '3600', 'Seconds between reloads of the database', true),
  core(
    'thrift_timeout',
    'uint32',
    '300',
    'Seconds that one message over the extension socket may take',
    true,
  ),
  core('thrift_string_size_limit', 'int32', '0', 'Longest string in a message, in bytes; 0: no limit', true),
] as const satisfies readonly FlagDefinition[];

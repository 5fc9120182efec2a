import type { FlagDefinition, FlagType } from './flag-definition.ts';

/** glog's flags, which every osquery program takes as well. */
const glogFlags: Readonly<Record<'bool' | 'int32', string>> = {
  bool: 'logtostderr alsologtostderr',
  int32: 'minloglevel stderrthreshold v',
};

/**
 * Every other flag that an osquery.flags file of 5.x may hold, on any platform, by type. They belong to tables,
 * loggers and publishers that do not exist here; they are read and checked, and have no effect. Source: the flag
 * definitions of osquery 5.23.
 */
const osqueryFlags: Readonly<Record<FlagType, string>> = {
  bool: `
    allow_handle_threads allow_unsafe 
    audit_fim_debug 
    audit_show_untracked_res_warnings aws_debug
    aws_disable_imdsv1_fallback aws_enable_proxy aws_enforce_fips aws_kinesis_disable_log_status
    aws_kinesis_random_partition_key carver_compression carver_disable_function config_enable_backup
    daemonize decorations_top_level disable_caching disable_carver disable_decorators
    disable_distributed disable_endpointsecurity disable_endpointsecurity_fim disable_enrollment
    disable_hash_cache disable_memory disable_reenrollment disable_watchdog distributed_loginfo
    enable_dns_lookup_events enable_extensions_watchdog enable_file_events enable_foreign
    enable_keyboard_events enable_mouse_events enable_ntfs_event_publisher
    enable_powershell_events_subscriber enable_process_etw_events enable_syslog enable_watchdog_debug
    enable_windows_events_publisher enable_windows_events_subscriber enable_yara_string enroll_always
    ephemeral es_fim_enable_open_events events_enforce_denylist force ignore_registry_exceptions
    ignore_table_exceptions keep_container_worker_open keychain_access_cache logger_event_type
    logger_numerics logger_rotate logger_snapshot_event_type logger_status_sync logger_stderr
    logger_syslog_prepend_cee logger_tls_compress ntfs_event_publisher_debug schedule_reload_sql
    thrift_verbose tls_accept_gzip tls_allow_unsafe tls_disable_status_log tls_dump tls_node_api
    tls_secret_always tls_session_reuse usn_journal_reader_debug utc yara_malloc_trim
    yara_sigurl_authenticate`,
  int32: `
    dns_resolver_refresh_interval logger_min_status logger_min_stderr logger_syslog_facility
    rocksdb_background_flushes rocksdb_buffer_blocks rocksdb_merge_number rocksdb_write_buffer
    watchdog_level worker_threads`,
  uint32: `
    aws_imdsv2_request_attempts aws_imdsv2_request_interval aws_proxy_port carver_block_size
    carver_expiry etw_kernel_trace_buffer_size etw_kernel_trace_flush_timer
    etw_kernel_trace_maximum_buffers etw_kernel_trace_minimum_buffers etw_userspace_trace_buffer_size
    etw_userspace_trace_flush_timer etw_userspace_trace_maximum_buffers
    etw_userspace_trace_minimum_buffers groups_service_delay groups_service_interval hash_cache_max
    hash_delay keychain_access_interval regex_max_size tls_session_timeout users_service_delay
    users_service_interval yara_delay`,
  uint64: `
    alarm_timeout aws_firehose_period aws_kinesis_period aws_sts_timeout buffered_log_max
    config_accelerated_refresh config_refresh config_tls_max_attempts distributed_denylist_duration
    distributed_interval distributed_tls_max_attempts logger_rotate_max_files logger_rotate_size
    logger_tls_backoff_max logger_tls_max_lines logger_tls_max_linesize logger_tls_period
    malloc_trim_threshold numeric_monitoring_pre_aggregation_time pack_refresh_interval read_max
    syslog_events_expiry syslog_events_max syslog_rate_limit table_delay tls_enroll_max_attempts
    tls_enroll_max_interval watchdog_delay watchdog_forced_shutdown_delay watchdog_latency_limit
    watchdog_max_delay watchdog_memory_limit watchdog_utilization_limit`,
  string: `
    augeas_lenses aws_access_key_id aws_firehose_endpoint aws_firehose_region aws_firehose_stream
    aws_kinesis_endpoint aws_kinesis_region aws_kinesis_stream aws_profile_name aws_proxy_host
    aws_proxy_password aws_proxy_scheme aws_proxy_username aws_region aws_secret_access_key
    aws_session_token aws_sts_arn_role aws_sts_region aws_sts_session_name carver_continue_endpoint
    carver_start_endpoint config_plugin config_tls_endpoint distributed_plugin
    distributed_tls_read_endpoint distributed_tls_write_endpoint docker_socket enroll_secret_env
    enroll_secret_path enroll_tls_endpoint es_fim_mute_path_literal es_fim_mute_path_prefix
    experiment_list extensions_autoload hardware_disabled_types logger_kafka_acks
    logger_kafka_brokers logger_kafka_compression logger_kafka_topic logger_mode logger_tls_endpoint
    lxd_socket numeric_monitoring_filesystem_path numeric_monitoring_plugins proxy_hostname
    syslog_pipe_path tls_client_cert tls_client_key tls_enroll_override tls_hostname tls_server_certs
    windows_event_channels`,
};

const stock = (name: string, type: FlagType): FlagDefinition => ({
  name,
  type,
  defaultValue: type === 'bool' ? 'false' : type === 'string' ? '' : '0',
  group: 'stock',
  help: 'Accepted because osquery has it; no effect here',
  hidden: true,
});

const stockOf = (names: Readonly<Partial<Record<FlagType, string>>>): FlagDefinition[] =>
  Object.entries(names).flatMap(([type, list]) =>
    list
      .trim()
      .split(/\s+/)
      .map(name => stock(name, type as FlagType)),
  );

const alias = (name: string, aliasOf: string, type: FlagType): FlagDefinition => ({
  ...stock(name, type),
  aliasOf,
});

export const stockFlags: readonly FlagDefinition[] = [
  ...stockOf(glogFlags),
  ...stockOf(osqueryFlags),
  alias('config_tls_accelerated_refresh', 'config_accelerated_refresh', 'uint64'),
  alias('config_tls_refresh', 'config_refresh', 'uint64'),
  alias('db_path', 'database_path', 'string'),
  alias('log_numerics_as_numbers', 'logger_numerics', 'bool'),
  alias('logger_tls_max', 'logger_tls_max_linesize', 'uint64'),
  alias('osquery_log_dir', 'logger_path', 'string'),
];

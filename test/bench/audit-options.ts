/** Flags of core for a scenario on the kernel's events; every row of it is kept. */
export const auditOptions = {
  audit_allow_config: 'true',
  disable_audit: 'true',
  audit_allow_user_events: 'false',
  audit_backlog_limit: '65536',
  events_max: '1000000',
  events_expiry: '86000',
  custom_audit_buffer_bytes: String(1 << 30),
} as const;

export const socketOptions = {
  ...auditOptions,
  audit_allow_sockets: 'true',
  audit_allow_process_events: 'false',
} as const;

export const processOptions = { ...auditOptions, audit_allow_sockets: 'false' } as const;

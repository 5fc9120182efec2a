/** What the records of an event become. */
export type BsmEventUse =
  | { readonly kind: 'exec' | 'fork'; readonly syscall: string }
  | { readonly kind: 'exit'; readonly syscall: string }
  | { readonly kind: 'socket'; readonly syscall: 'connect' | 'accept' | 'bind' | 'sendto' }
  /** `label` begins the message. It says what the record is about, in the words of audit_event(5). */
  | { readonly kind: 'user'; readonly op: string; readonly label: string }
  /** A known event that belongs to no table. */
  | { readonly kind: 'none' };

export interface BsmEvent {
  /** The name in the headers, without `AUE_`. */
  readonly name: string;
  readonly use: BsmEventUse;
}

const exec = (syscall: string): BsmEventUse => ({ kind: 'exec', syscall });
const fork = (syscall: string): BsmEventUse => ({ kind: 'fork', syscall });
const user = (op: string, label: string): BsmEventUse => ({ kind: 'user', op, label });

/**
 * The events of processes, sockets, users and of audit itself, by number. Source: OpenBSM, bsm/audit_kevents.h,
 * bsm/audit_uevents.h and etc/audit_event.
 */
export const BSM_EVENTS: ReadonlyMap<number, BsmEvent> = new Map<number, BsmEvent>([
  [1, { name: 'EXIT', use: { kind: 'exit', syscall: 'exit' } }],
  [2, { name: 'FORK', use: fork('fork') }],
  [7, { name: 'EXEC', use: exec('exec') }],
  [23, { name: 'EXECVE', use: exec('execve') }],
  [25, { name: 'VFORK', use: fork('vfork') }],
  [241, { name: 'FORK1', use: fork('fork1') }],
  [353, { name: 'DARWIN_RFORK', use: fork('rfork') }],
  [43043, { name: 'RFORK', use: fork('rfork') }],
  [43131, { name: 'MAC_EXECVE', use: exec('mac_execve') }],
  [43144, { name: 'FEXECVE', use: exec('fexecve') }],
  [43190, { name: 'POSIX_SPAWN', use: exec('posix_spawn') }],
  [43197, { name: 'PDFORK', use: fork('pdfork') }],

  [32, { name: 'CONNECT', use: { kind: 'socket', syscall: 'connect' } }],
  [33, { name: 'ACCEPT', use: { kind: 'socket', syscall: 'accept' } }],
  [34, { name: 'BIND', use: { kind: 'socket', syscall: 'bind' } }],
  [184, { name: 'SENDTO', use: { kind: 'socket', syscall: 'sendto' } }],
  // A listen record has no address; the bind before it has.
  [43140, { name: 'LISTEN', use: { kind: 'none' } }],

  [6152, { name: 'login', use: user('login', 'login') }],
  [6153, { name: 'logout', use: user('logout', 'logout') }],
  [6159, { name: 'su', use: user('su', 'su') }],
  [6163, { name: 'passwd', use: user('passwd', 'passwd') }],
  [6207, { name: 'create_user', use: user('create-user', 'create user') }],
  [6208, { name: 'modify_user', use: user('modify-user', 'modify user') }],
  [6209, { name: 'delete_user', use: user('delete-user', 'delete user') }],
  [6210, { name: 'disable_user', use: user('disable-user', 'disable user') }],
  [6211, { name: 'enable_user', use: user('enable-user', 'enable user') }],
  // osquery's own rows of this event begin with this word.
  [32800, { name: 'openssh', use: user('openssh', 'OpenSSH') }],
  [44901, { name: 'SESSION_START', use: user('session-start', 'session start') }],
  [44902, { name: 'SESSION_UPDATE', use: user('session-update', 'session update') }],
  [44903, { name: 'SESSION_END', use: user('session-end', 'session end') }],
  [44904, { name: 'SESSION_CLOSE', use: user('session-close', 'session close') }],
  [45000, { name: 'audit_startup', use: user('audit-startup', 'audit startup') }],
  [45001, { name: 'audit_shutdown', use: user('audit-shutdown', 'audit shutdown') }],
  [45014, { name: 'modify_password', use: user('modify-password', 'modify password') }],
  [45015, { name: 'create_group', use: user('create-group', 'create group') }],
  [45016, { name: 'delete_group', use: user('delete-group', 'delete group') }],
  [45017, { name: 'modify_group', use: user('modify-group', 'modify group') }],
  [45018, { name: 'add_to_group', use: user('add-to-group', 'add to group') }],
  [45019, { name: 'remove_from_group', use: user('remove-from-group', 'remove from group') }],
  [45021, { name: 'lw_login', use: user('lw-login', 'loginwindow login') }],
  [45022, { name: 'lw_logout', use: user('lw-logout', 'loginwindow logout') }],
  [45023, { name: 'auth_user', use: user('auth-user', 'user authentication') }],
  [45024, { name: 'ssconn', use: user('ssconn', 'SecSrvr connection setup') }],
  [45025, { name: 'ssauthorize', use: user('ssauthorize', 'SecSrvr AuthEngine') }],
  [45026, { name: 'ssauthint', use: user('ssauthint', 'SecSrvr authinternal mech') }],
  [45028, { name: 'sudo', use: user('sudo', 'sudo') }],
  [45029, { name: 'audit_recovery', use: user('audit-recovery', 'audit crash recovery') }],
  [45030, { name: 'ssauthmech', use: user('ssauthmech', 'SecSrvr AuthMechanism') }],
]);

import type { processTelemetryEvents } from '../process_telemetry_events.ts';
import type { ColumnFacts, FactsOf } from './column-facts.ts';
import { containerFacts, eventFacts } from './common.ts';

const NO_NAME =
  'the user has no name, or the look-up took too long; of recorded events, if the log has no names';
const NO_HASH =
  'the file is gone, has changed, was written less than 20 ms before it ran, is too large, or nothing proves that it is what ran; of recorded events always';
const NO_PARENT =
  'the parent had ended before this program could see it; of recorded events, if its exec is not among them';
const LOST = 'a record of the event was lost';

const parent = (is: string, example: string): ColumnFacts => ({
  is,
  from: 'the process tree: forks and execs as the kernel reports them, else `/proc`',
  nullIf: NO_PARENT,
  example,
});

export const processTelemetryEventsFacts: FactsOf<(typeof processTelemetryEvents)['spec']['columns']> = {
  timestamp: {
    is: 'When it was executed: ISO 8601, UTC, milliseconds.',
    from: 'the header `audit(SECONDS.MS:SERIAL)`',
    nullIf: 'the time is beyond what a date can be',
    example: '2026-11-24T00:33:19.611Z',
  },
  host_name: {
    is: 'Name of the host.',
    from: 'the host; of recorded events `node=`',
    nullIf: 'the events are recorded and name no host',
    example: 'web1',
  },
  user_uid: { is: 'Real user.', from: 'SYSCALL uid', nullIf: LOST, example: '65534' },
  user_name: { is: 'Its name, without the domain.', from: 'accounts', nullIf: NO_NAME, example: 'nobody' },
  user_domain: {
    is: 'Its domain; of local accounts the name of the host.',
    from: 'accounts',
    nullIf: NO_NAME,
    example: 'web1',
  },
  user_username: {
    is: 'The full name in the system: `alice`, `CORP\\alice`, `alice@corp.example`.',
    from: 'accounts',
    nullIf: NO_NAME,
    example: 'nobody',
  },
  login_user_uid: {
    is: 'Who logged in.',
    from: 'SYSCALL auid',
    nullIf: 'nobody logged in (services, boot)',
    example: '1000',
  },
  login_user_name: {
    is: 'Its name, without the domain.',
    from: 'accounts',
    nullIf: `nobody logged in; or ${NO_NAME}`,
    example: 'alice',
  },
  login_user_domain: {
    is: 'Its domain.',
    from: 'accounts',
    nullIf: `nobody logged in; or ${NO_NAME}`,
    example: 'web1',
  },
  process_md5: {
    is: 'MD5 of the file that ran.',
    from: 'the file with the recorded device and inode',
    nullIf: NO_HASH,
    example: '5a2ca6d0…',
  },
  process_sha256: {
    is: 'SHA-256 of the file that ran.',
    from: 'as `process_md5`',
    nullIf: NO_HASH,
    example: 'a3d987dd…',
  },
  process_pid: { is: 'The process.', from: 'SYSCALL pid', example: '5534' },
  process_name: { is: 'Last part of its path.', from: 'SYSCALL exe', nullIf: LOST, example: 'id' },
  process_path: {
    is: 'The program: of a script its interpreter.',
    from: 'SYSCALL exe',
    nullIf: LOST,
    example: '/usr/bin/id',
  },
  process_command_line: {
    is: 'All arguments, joined by spaces.',
    from: 'EXECVE a0, a1 …',
    nullIf: LOST,
    example: 'id -un',
  },
  parent_process_timestamp: parent('When the parent was created.', '2026-11-24T00:33:19.613Z'),
  parent_process_pid: { ...parent('The parent, even if it has ended.', '5533'), nullIf: 'it is not known' },
  parent_process_name: parent('Last part of its path.', 'dash'),
  parent_process_path: parent('Its program.', '/usr/bin/dash'),
  parent_process_md5: {
    ...parent('MD5 of its file.', '623e332d…'),
    nullIf: `${NO_PARENT}; or as \`process_md5\``,
  },
  parent_process_sha256: {
    ...parent('SHA-256 of its file.', 'f5adb8bf…'),
    nullIf: `${NO_PARENT}; or as \`process_md5\``,
  },
  time: { ...eventFacts.time, example: '1795480399' },
  eid: { ...eventFacts.eid, example: '0000000001' },
  argv: {
    is: 'The arguments as a JSON array.',
    from: 'EXECVE a0, a1 …',
    nullIf: LOST,
    example: '["id","-un"]',
  },
  ...containerFacts,
  user_namespace_uid: {
    is: 'The user in the user namespace of its container.',
    from: '`/proc/PID/uid_map`',
    nullIf: 'the process sees the accounts of the host',
    example: '0',
  },
  session: { is: 'Audit session.', from: 'SYSCALL ses', nullIf: 'there is none', example: '6' },
  tty: { is: 'Terminal.', from: 'SYSCALL tty', nullIf: 'there is none', example: 'pts0' },
  process_start_timestamp: {
    is: 'When the process was created; with the pid it identifies the process for good.',
    from: 'the process tree',
    nullIf: 'its creation was not seen',
    example: '2026-11-24T00:33:19.610Z',
  },
  parent_process_command_line: parent(
    'Arguments of the parent, joined by spaces; of long ones the beginning.',
    'sh -c id -un',
  ),
  ancestors: parent(
    'The ancestors as a JSON array, the parent first, at most 16.',
    '[{"pid":5533,"timestamp":"2026-11-24T00:33:19.613Z","path":"/usr/bin/dash"}]',
  ),
  node: eventFacts.node,
};

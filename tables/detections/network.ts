import type { Detection } from './detection.ts';
import {
  allOf,
  anyOf,
  argumentsOf,
  baseName,
  beside,
  EXECUTIONS,
  globs,
  hasOnlyOptions,
  installed,
  list,
  PROCESS,
  RELAYS,
  SHELLS,
} from './sql.ts';

/** A connection to elsewhere. */
const SOCKET = [
  's.time',
  's.pid',
  's.path',
  's.auid',
  's.remote_address',
  's.remote_port',
  's.status',
  's.container_name',
] as const;

/** Shells and interpreters that the network reaches, listeners and tunnels. */
export const networkDetections: readonly Detection[] = [
  {
    name: 'reverse_shell',
    pack: 'detections',
    description:
      'A shell without script or command was started by, or in place of, a program that had connected somewhere in the hour before.',
    attack: ['T1059.004', 'T1071'],
    interval: 60,
    falsePositives:
      'Terminals in browsers and agents for remote support (Jupyter, Cockpit, an SSM agent): they connect to their server, and start a shell for a person.',
    exclude: "AND s.path NOT IN ('/usr/bin/amazon-ssm-agent')",
    query: {
      select: [...PROCESS, 's.path AS connected_by', 's.remote_address', 's.remote_port'],
      from: `${EXECUTIONS} CROSS JOIN socket_events AS s`,
      where: [
        `t.process_name IN ${SHELLS}`,
        hasOnlyOptions('t.process_command_line'),
        's.pid IN (t.process_pid, t.parent_process_pid)',
        's.time BETWEEN t.time - 3600 AND t.time',
        "s.action = 'connect'",
        's.remote_port NOT IN (0, 53)',
        `s.path NOT IN ${installed('sshd', '/usr/lib/openssh/sshd-session', '/usr/libexec/openssh/sshd-session', 'login', '/bin/login', 'sudo', 'su', '/bin/su', 'cron', 'crond', '/usr/lib/systemd/systemd')}`,
      ],
    },
  },
  {
    name: 'shell_connects',
    pack: 'detections',
    description:
      'A shell itself opened a connection (/dev/tcp): shells have hardly any other use for one than to be controlled through it.',
    attack: ['T1059.004', 'T1095'],
    interval: 60,
    falsePositives: 'Scripts that wait for a port with /dev/tcp, often when a container starts.',
    exclude: "AND NOT (s.remote_address = '192.0.2.10' AND s.remote_port = 5432)",
    query: {
      select: [
        ...SOCKET,
        '(SELECT p.cmdline FROM process_events AS p WHERE p.pid = s.pid AND p.time BETWEEN s.time - 86400 AND s.time ORDER BY p.eid DESC LIMIT 1) AS cmdline',
      ],
      from: 'socket_events AS s',
      where: [
        "s.action = 'connect'",
        's.remote_port > 0',
        `${baseName('s.path')} IN ${list('sh', 'bash', 'rbash', 'zsh', 'ksh', 'ksh93', 'mksh', 'fish')}`,
      ],
    },
  },
  {
    name: 'shell_piped_to_network',
    pack: 'detections',
    description:
      'A shell without script or command, and nc, socat, telnet or openssl beside it, were started by the same process within 5 seconds: mkfifo reverse shells look like that.',
    attack: ['T1059.004', 'T1095'],
    interval: 60,
    falsePositives:
      'Somebody who opens a shell and then uses nc in a script of the same parent within seconds.',
    exclude: "AND t.parent_process_command_line NOT LIKE '%/opt/checks/%'",
    query: {
      select: [...PROCESS, 'e.process_command_line AS beside'],
      from: `${EXECUTIONS} CROSS JOIN process_telemetry_events AS e`,
      where: [
        ...beside(
          row => `${row}.process_name IN ${RELAYS}`,
          row => allOf(`${row}.process_name IN ${SHELLS}`, hasOnlyOptions(`${row}.process_command_line`)),
        ),
      ],
    },
  },
  {
    name: 'interpreter_connects_out',
    pack: 'detections',
    description:
      'Python, Perl, Ruby, PHP, Node or Lua, given its program on the command line (-c, -e, -r), connected to another address than loopback.',
    attack: ['T1059.006', 'T1071'],
    interval: 60,
    falsePositives: 'Health checks and provisioning tools that call python -c or perl -e.',
    exclude: "AND p.cmdline NOT LIKE '%healthcheck%'",
    query: {
      select: [...SOCKET, 'p.cmdline'],
      from: 'socket_events AS s CROSS JOIN process_events AS p',
      where: [
        "s.action = 'connect'",
        's.remote_port NOT IN (0, 53)',
        globs(baseName('s.path'), 'python*', 'perl*', 'ruby*', 'php*', 'node*', 'lua*'),
        "s.remote_address NOT LIKE '127.%'",
        "s.remote_address <> '::1'",
        'p.pid = s.pid',
        'p.path = s.path',
        'p.time BETWEEN s.time - 3600 AND s.time',
        globs(argumentsOf('p.cmdline'), '-[ceEr] *', '-[MIuWw]* -[ceEr] *'),
      ],
    },
  },
  {
    name: 'new_listener',
    pack: 'detections',
    description:
      'A program took a TCP port below 32768 on another address than loopback, which the same program had not had in what is buffered (events_expiry, a day with our osquery.flags).',
    attack: ['T1571', 'T1205'],
    interval: 60,
    falsePositives:
      'Each service once after the installation of this program, and once after longer than events_expiry without a restart; newly installed services; clients that choose a low source port.',
    exclude: "AND s.path NOT IN ('/usr/sbin/nginx', '/usr/sbin/sshd')",
    query: {
      select: [
        's.time',
        's.pid',
        's.path',
        's.auid',
        's.local_address',
        's.local_port',
        's.protocol',
        's.container_name',
      ],
      from: 'socket_events AS s',
      where: [
        "s.action = 'bind'",
        's.local_port BETWEEN 1 AND 32767',
        's.family IN (2, 10)',
        'coalesce(s.protocol, 6) = 6',
        "s.local_address NOT LIKE '127.%'",
        "s.local_address <> '::1'",
        "NOT EXISTS (SELECT 1 FROM socket_events AS b WHERE b.local_port = s.local_port AND b.time BETWEEN 1 AND s.time AND b.action = 'bind' AND b.path = s.path AND b.eid < s.eid)",
      ],
    },
  },
  {
    name: 'tunnel',
    pack: 'detections',
    description: 'A program for tunnels, or ssh with -R, -D, -L or -w, or socat that forwards a port.',
    attack: ['T1572', 'T1090'],
    interval: 60,
    falsePositives:
      'Administrators and jobs that forward ports with ssh; cloudflared or frpc where they are the intended way in.',
    exclude: "AND t.login_user_name NOT IN ('deploy')",
    query: {
      select: PROCESS,
      from: EXECUTIONS,
      where: [
        `t.process_name IN ${list('ssh', 'socat', 'socat1', 'chisel', 'frpc', 'frps', 'ngrok', 'gost', 'iodine', 'iodined', 'dns2tcpc', 'dnscat', 'dnscat2', 'ptunnel', 'ligolo', 'rathole', 'bore', 'cloudflared', 'proxychains4', 'gs-netcat', 'sshuttle')}`,
        anyOf(
          `t.process_name NOT IN ${list('ssh', 'socat', 'socat1')}`,
          allOf(
            "t.process_name = 'ssh'",
            globs(
              't.process_command_line',
              '* -*[RL] *:*:[0-9]*',
              '* -*[RL][0-9]*:*:[0-9]*',
              '* -*[RL] /*:*',
              '* -[fNnTqvCgM]*D [0-9]*',
              '* -D *[0-9]*',
              '* -D[0-9]*',
              '* -w [0-9a]*',
            ),
          ),
          allOf(
            "t.process_name <> 'ssh'",
            "t.process_command_line LIKE '%LISTEN:%'",
            "t.process_command_line LIKE '%fork%'",
          ),
        ),
      ],
    },
  },
];

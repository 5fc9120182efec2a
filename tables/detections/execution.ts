import type { Detection } from './detection.ts';
import {
  allOf,
  anyOf,
  argumentsOf,
  beside,
  DECODERS,
  DOWNLOADERS,
  EXECUTIONS,
  globs,
  hasOnlyOptions,
  INTERPRETERS,
  list,
  PROCESS,
  SHELLS,
} from './sql.ts';

/** Interpreters that read their program from a pipe: without arguments, or with options only. */
const readsProgram = (row: string): string =>
  allOf(`${row}.process_name IN ${INTERPRETERS}`, hasOnlyOptions(`${row}.process_command_line`));

const DISCOVERY = list(
  'whoami',
  'id',
  'groups',
  'w',
  'w.procps',
  'who',
  'last',
  'lastlog',
  'uname',
  'hostname',
  'lscpu',
  'lsblk',
  'lsmod',
  'ip',
  'ifconfig',
  'route',
  'arp',
  'ss',
  'netstat',
  'ps',
  'df',
  'mount',
  'findmnt',
  'env',
  'printenv',
  'getent',
  'systemd-detect-virt',
  'dmidecode',
);

const SERVERS = list(
  'nginx',
  'apache2',
  'httpd',
  'lighttpd',
  'caddy',
  'haproxy',
  'mysqld',
  'mariadbd',
  'postgres',
  'redis-server',
  'mongod',
  'memcached',
  'named',
  'dnsmasq',
  'smbd',
  'exim4',
  'smtpd',
  'vsftpd',
  'proftpd',
  'cupsd',
  'slapd',
);

/** What is run, and how it came to be run. */
export const executionDetections: readonly Detection[] = [
  {
    name: 'download_and_run',
    pack: 'detections',
    description:
      'curl, wget or the like, and beside it an interpreter that reads its program from a pipe, started by the same process within 5 seconds: curl … | sh.',
    attack: ['T1105', 'T1059.004'],
    interval: 60,
    falsePositives: 'Installers that are documented as curl … | sh (rustup, nvm, k3s), in provisioning.',
    exclude:
      "AND t.process_command_line NOT LIKE '%https://get.k3s.io%' AND e.process_command_line NOT LIKE '%https://get.k3s.io%'",
    query: {
      select: [...PROCESS, 'e.process_command_line AS beside'],
      from: `${EXECUTIONS} CROSS JOIN process_telemetry_events AS e`,
      where: beside(row => `${row}.process_name IN ${DOWNLOADERS}`, readsProgram),
    },
  },
  {
    name: 'decoded_and_run',
    pack: 'detections',
    description:
      'base64, xxd, openssl, gunzip or the like, and beside it an interpreter that reads its program from a pipe: base64 -d | sh.',
    attack: ['T1140', 'T1027'],
    interval: 60,
    falsePositives:
      'Self-extracting installers, and configuration tools that send scripts encoded (Ansible does not).',
    exclude: "AND t.parent_process_command_line NOT LIKE '%/opt/installer/%'",
    query: {
      select: [...PROCESS, 'e.process_command_line AS beside'],
      from: `${EXECUTIONS} CROSS JOIN process_telemetry_events AS e`,
      where: beside(row => `${row}.process_name IN ${DECODERS}`, readsProgram),
    },
  },
  {
    name: 'memory_execution',
    pack: 'detections',
    description:
      'A program was executed that is in memory only (memfd, /dev/shm), or whose file was deleted before.',
    attack: ['T1620', 'T1070.004'],
    interval: 60,
    falsePositives:
      'runc and crun, which execute a copy of themselves in memory (left out, if a container runtime or engine is the parent); some JIT launchers and games.',
    exclude: "AND t.process_path NOT LIKE '/memfd:my-launcher%'",
    query: {
      select: PROCESS,
      from: EXECUTIONS,
      where: [
        globs('t.process_path', '/memfd:*', '/dev/shm/*', '/run/shm/*', '* (deleted)'),
        `NOT ${allOf(
          globs('t.process_path', '/memfd:runc_cloned:*', '/memfd:crun_cloned:*', '/memfd:libcrun*'),
          anyOf(
            globs(
              't.parent_process_path',
              '/usr/*/runc',
              '/usr/*/crun',
              '/usr/*/podman',
              '/usr/*/conmon',
              '/usr/*/dockerd',
              '/usr/*/containerd*',
              '/usr/*/crio',
            ),
            allOf(
              globs('t.parent_process_path', '/memfd:runc_cloned:*', '/memfd:crun_cloned:*'),
              't.user_uid = 0',
            ),
          ),
        )}`,
      ],
    },
  },
  {
    name: 'writable_directory_execution',
    pack: 'detections',
    description: 'A program was executed that lies in a directory that everybody can write to.',
    attack: ['T1059', 'T1036.005'],
    interval: 60,
    falsePositives: 'Builds, configure scripts and installers that unpack below /tmp.',
    exclude: "AND t.process_path NOT GLOB '/tmp/ci-*'",
    query: {
      select: PROCESS,
      from: EXECUTIONS,
      where: [
        globs(
          't.process_path',
          '/tmp/*',
          '/var/tmp/*',
          '/run/lock/*',
          '/run/user/*',
          '/var/crash/*',
          '/var/spool/cron/*',
          '/var/www/*/uploads/*',
        ),
      ],
    },
  },
  {
    name: 'loader_by_hand',
    pack: 'detections',
    description:
      'The dynamic loader was executed by hand with a program as its argument, which runs files without execute permission and hides their names.',
    attack: ['T1574.006', 'T1218'],
    interval: 60,
    falsePositives:
      'ldd (left out); programs that bring their own C library and start through its loader (Snap, Nix, AppImage, Steam).',
    exclude: "AND t.process_path NOT GLOB '/snap/*'",
    query: {
      select: PROCESS,
      from: EXECUTIONS,
      where: [
        globs('t.process_name', 'ld-linux*', 'ld-musl-*', 'ld-2.*', 'ld64.so*'),
        `${argumentsOf('t.process_command_line')} <> ''`,
        `NOT ${globs('t.process_command_line', '* --verify *', '* --help', '* --version', '* --list-*')}`,
        "NOT (t.parent_process_name IN ('bash', 'dash') AND t.parent_process_command_line GLOB '*/ldd *')",
      ],
    },
  },
  {
    name: 'renamed_tool',
    pack: 'detections',
    description:
      'A file outside the directories of programs was executed that has the hash of a program of the system with another name, which had run in what is buffered.',
    attack: ['T1036.003'],
    interval: 60,
    falsePositives:
      'Copies of interpreters in virtual environments and build trees, under a name of their own.',
    exclude: "AND t.process_path NOT GLOB '*/venv/bin/*'",
    query: {
      select: [...PROCESS, 't.process_sha256 AS sha256', 'o.process_path AS original'],
      from: `${EXECUTIONS} CROSS JOIN process_telemetry_events AS o`,
      where: [
        "t.process_sha256 <> ''",
        `NOT ${globs('t.process_path', '/usr/*', '/bin/*', '/sbin/*', '/lib/*', '/opt/*')}`,
        'o.process_sha256 = t.process_sha256',
        'o.time BETWEEN 1 AND t.time',
        'o.process_name <> t.process_name',
        globs('o.process_path', '/usr/*', '/bin/*', '/sbin/*'),
      ],
      groupBy: 't.eid',
    },
  },
  {
    name: 'service_runs_shell',
    pack: 'detections',
    description:
      'A web, database, mail or name server started a shell, or a program that says who and where one is.',
    attack: ['T1505.003', 'T1190'],
    interval: 60,
    falsePositives:
      'CGI and PHP applications that call programs through a shell (image conversion, sendmail); archive_command of PostgreSQL.',
    exclude: "AND t.process_command_line NOT LIKE 'sh -c /usr/bin/convert %'",
    query: {
      select: PROCESS,
      from: EXECUTIONS,
      where: [
        anyOf(
          `t.parent_process_name IN ${SERVERS}`,
          globs('t.parent_process_name', 'php-fpm*', 'php-cgi*', 'tomcat*'),
        ),
        anyOf(
          `t.process_name IN ${SHELLS}`,
          `t.process_name IN ${list('id', 'whoami', 'uname', 'hostname', 'curl', 'wget', 'nc.openbsd', 'ncat', 'socat')}`,
          globs('t.process_name', 'python*', 'perl*'),
        ),
      ],
    },
  },
  {
    name: 'package_hook_downloads',
    pack: 'detections',
    description:
      'Below a package manager (a maintainer script, an install script of npm or pip) a program for downloads or connections was started.',
    attack: ['T1195.002', 'T1546.016'],
    interval: 60,
    falsePositives:
      'Packages that download what they may not contain (fonts, firmware, browsers for tests), and native modules of npm.',
    exclude: "AND t.process_command_line NOT LIKE '%nodejs.org/%'",
    query: {
      select: [...PROCESS, 't.ancestors'],
      from: EXECUTIONS,
      where: [
        `t.process_name IN ${DOWNLOADERS}`,
        globs(
          't.ancestors',
          '*/dpkg"*',
          '*/rpm"*',
          '*/dnf*"*',
          '*/yum"*',
          '*/apt-get"*',
          '*/apt"*',
          '*/npm*"*',
          '*/pip*"*',
        ),
      ],
    },
  },
  {
    name: 'discovery_burst',
    pack: 'detections',
    description:
      'One process started six or more different programs within a minute that say who, where and with what one is.',
    attack: ['T1033', 'T1082', 'T1016', 'T1049', 'T1057'],
    interval: 300,
    falsePositives:
      'Inventory and support scripts (sosreport, lynis), and administrators who have just logged in.',
    exclude: "AND t.parent_process_command_line NOT LIKE '%sosreport%'",
    query: {
      select: [
        'max(t.time) AS time',
        't.parent_process_pid AS pid',
        't.parent_process_path AS path',
        't.parent_process_command_line AS cmdline',
        't.user_name AS username',
        't.login_user_uid AS auid',
        't.login_user_name AS login_name',
        'group_concat(DISTINCT e.process_name) AS programs',
      ],
      from: `(SELECT parent_process_pid, parent_process_path, parent_process_command_line, user_name, login_user_uid, login_user_name, max(time) AS time FROM process_telemetry_events WHERE process_name IN ${DISCOVERY} GROUP BY parent_process_pid) AS t CROSS JOIN process_telemetry_events AS e`,
      where: [
        'e.parent_process_pid = t.parent_process_pid',
        'e.time BETWEEN t.time - 60 AND t.time',
        `e.process_name IN ${DISCOVERY}`,
      ],
      groupBy: 't.parent_process_pid',
      having: 'count(DISTINCT e.process_name) >= 6',
    },
  },
  {
    name: 'miner',
    pack: 'detections',
    description: 'A miner of cryptocurrency, by its name or by the words of its command line.',
    attack: ['T1496'],
    interval: 60,
    falsePositives: 'Hosts that mine on purpose.',
    exclude: "AND t.process_path <> '/opt/miner/xmrig'",
    query: {
      select: PROCESS,
      from: EXECUTIONS,
      where: [
        anyOf(
          `t.process_name IN ${list('xmrig', 'xmr-stak', 'minerd', 'cpuminer', 'ethminer', 'nbminer', 't-rex', 'lolMiner', 'kdevtmpfsi', 'kinsing')}`,
          globs(
            't.process_command_line',
            '*stratum+tcp:*',
            '*stratum+ssl:*',
            '*--donate-level*',
            '*--cpu-max-threads-hint*',
            '*--randomx-*',
            '* -o pool.*:*',
          ),
        ),
      ],
    },
  },
];

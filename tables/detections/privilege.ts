import type { Detection } from './detection.ts';
import { allOf, anyOf, EXECUTIONS, globs, list, PROCESS, SHELLS } from './sql.ts';

/** More rights than before: set-user-ID files, kernel modules, other processes' memory, sudo. */
export const privilegeDetections: readonly Detection[] = [
  {
    name: 'setuid_file_made',
    pack: 'detections',
    description:
      'chmod or install made a file set-user-ID or set-group-ID, or setcap gave a file a capability that is as good as root.',
    attack: ['T1548.001'],
    interval: 60,
    falsePositives:
      'Maintainer scripts of packages with set-user-ID programs (dpkg-statoverride does it without a program).',
    exclude: "AND t.ancestors NOT GLOB '*/dpkg\"*'",
    query: {
      select: PROCESS,
      from: EXECUTIONS,
      where: [
        `t.process_name IN ${list('chmod', 'install', 'setcap')}`,
        anyOf(
          allOf(
            "t.process_name = 'chmod'",
            globs(
              't.process_command_line',
              '* [246][0-7][0-7][0-7] *',
              '* 0[246][0-7][0-7][0-7] *',
              '* *[ugoa,]+*s* *',
              '* +s *',
              '* u=*s* *',
            ),
          ),
          allOf(
            "t.process_name = 'install'",
            globs(
              't.process_command_line',
              '* -m *[46][0-7][0-7][0-7] *',
              '* -m[0-7]*[46][0-7][0-7][0-7] *',
              '* --mode=*[46][0-7][0-7][0-7] *',
              '* -m*u+*s* *',
            ),
          ),
          allOf(
            "t.process_name = 'setcap'",
            globs(
              't.process_command_line',
              '*cap_setuid*',
              '*cap_sys_admin*',
              '*cap_dac_override*',
              '*cap_sys_ptrace*',
              '*cap_sys_module*',
              '*cap_dac_read_search*',
              '* all*',
            ),
          ),
        ),
      ],
    },
  },
  {
    name: 'setuid_file_run',
    pack: 'detections',
    description: 'A set-user-ID file outside the directories of programs was executed.',
    attack: ['T1548.001'],
    interval: 60,
    falsePositives:
      'Software below a directory of its own that is set-user-ID (sandboxes of browsers, monitoring plugins).',
    exclude: "AND t.path <> '/srv/monitoring/check_icmp'",
    query: {
      select: [
        't.time',
        't.pid',
        't.path',
        't.cmdline',
        't.parent',
        't.parent_path',
        't.mode',
        't.owner_uid',
        't.uid',
        't.euid',
        't.auid',
        't.container_name',
      ],
      from: 'process_events AS t',
      where: [
        globs('t.mode', '*[4567][0-7][0-7][0-7]'),
        `NOT ${globs('t.path', '/usr/*', '/bin/*', '/sbin/*', '/lib/*', '/opt/google/*', '/snap/*', '/var/lib/snapd/*')}`,
      ],
    },
  },
  {
    name: 'sudo_first_time',
    pack: 'detections',
    description:
      'Somebody used sudo who had not used it in what is buffered (events_expiry, a day with our osquery.flags).',
    attack: ['T1548.003'],
    interval: 60,
    falsePositives:
      'Each person once after longer than events_expiry without sudo: set events_expiry to some weeks, or report this at office hours only.',
    exclude: 'AND u.auid NOT IN (1000)',
    query: {
      select: ['u.time', 'u.pid', 'u.path', 'u.uid', 'u.auid', 'u.command', 'u.terminal', 'u.res'],
      from: 'user_events AS u',
      where: [
        'u.type = 1123',
        'NOT EXISTS (SELECT 1 FROM user_events AS b WHERE b.type = 1123 AND b.auid = u.auid AND b.time BETWEEN 1 AND u.time AND b.uid = u.uid AND b.eid < u.eid)',
      ],
    },
  },
  {
    name: 'kernel_module',
    pack: 'detections',
    description:
      'Somebody loaded or removed a kernel module by command: insmod and rmmod always, modprobe if a person had logged in.',
    attack: ['T1547.006', 'T1014'],
    interval: 60,
    falsePositives: 'Drivers that dkms builds and loads anew, and administrators who try hardware.',
    exclude: "AND t.parent_process_name <> 'dkms'",
    query: {
      select: PROCESS,
      from: EXECUTIONS,
      where: [
        `t.process_name IN ${list('kmod', 'insmod', 'rmmod', 'modprobe')}`,
        anyOf(
          globs('t.process_command_line', '*insmod *', '*rmmod *'),
          allOf(
            "t.process_command_line GLOB '*modprobe *'",
            't.login_user_uid IS NOT NULL',
            `coalesce(t.parent_process_name, '') NOT IN ${list('xtables-nft-multi', 'xtables-legacy-multi', 'dockerd', 'systemd-udevd', 'kdumpctl')}`,
          ),
        ),
        `NOT ${globs('t.process_command_line', '* -n *', '* --dry-run *', '* --show-depends *', '* -c', '* --version')}`,
      ],
    },
  },
  {
    name: 'process_memory_read',
    pack: 'detections',
    description: 'A debugger or tracer was attached to another process, or the memory of one was copied.',
    attack: ['T1003.007', 'T1055.008'],
    interval: 60,
    falsePositives: 'Developers and people on call who look at a process with strace or gdb.',
    exclude: "AND t.login_user_name NOT IN ('oncall')",
    query: {
      select: PROCESS,
      from: EXECUTIONS,
      where: [
        `t.process_name NOT IN ${SHELLS}`,
        anyOf(
          allOf(
            `t.process_name IN ${list('gdb', 'gdbserver', 'strace', 'ltrace', 'lldb', 'lldb-server')}`,
            globs('t.process_command_line', '* -p *', '* -p[0-9]*', '* --pid*', '* --attach *', '* attach *'),
          ),
          `t.process_name IN ${list('gcore', 'procdump', 'mimipenguin', 'pspy64')}`,
          globs(
            't.process_command_line',
            '*/gcore *',
            '*/proc/[0-9]*/mem*',
            '*/proc/[0-9]*/maps*',
            '*/dev/mem*',
            '*/proc/kcore*',
          ),
        ),
      ],
    },
  },
];

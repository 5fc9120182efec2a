import type { Detection } from './detection.ts';
import { allOf, anyOf, EXECUTIONS, globs, list, PROCESS } from './sql.ts';

/** Names of services that watch a host, or keep what was seen, as they stand in commands. */
const WATCHERS = globs(
  't.process_command_line',
  '*audit*',
  '*osquer*',
  '*syslog*',
  '*journald*',
  '*falco*',
  '*wazuh*',
  '*ossec*',
  '*filebeat*',
  '*fluent*',
  '*vector*',
  '*clamav*',
  '*crowdstrike*',
  '*falcon-sensor*',
  '*sentinel*',
  '*elastic-agent*',
  '*tetragon*',
);

/** Protection that is switched off, and traces that are removed. */
export const evasionDetections: readonly Detection[] = [
  {
    name: 'monitoring_stopped',
    pack: 'detections',
    description:
      'Somebody stopped, disabled or killed what watches the host (audit, osquery, syslog, agents), or removed audit rules.',
    attack: ['T1562.001', 'T1562.012'],
    interval: 60,
    falsePositives:
      'Upgrades of these packages, which stop the service by deb-systemd-invoke; maintenance. A restart is not reported.',
    exclude: "AND t.parent_process_command_line NOT LIKE '%/deb-systemd-invoke stop %'",
    query: {
      select: PROCESS,
      from: EXECUTIONS,
      where: [
        `t.process_name IN ${list('auditctl', 'systemctl', 'service', 'rc-service', 'chkconfig', 'update-rc.d', 'initctl', 'dash', 'sh', 'bash', 'pkill', 'pgrep', 'killall', 'skill')}`,
        anyOf(
          allOf(
            "t.process_name = 'auditctl'",
            globs('t.process_command_line', '* -e*0*', '* -D*', '* -d *', '* -W *'),
          ),
          allOf(
            globs(
              't.process_command_line',
              '*systemctl *stop *',
              '*systemctl *disable *',
              '*systemctl *mask *',
              '*systemctl *kill *',
              '*service * stop*',
              '*chkconfig * off*',
              '*update-rc.d * disable*',
              '*pkill *',
              '*killall *',
              '*skill *',
            ),
            WATCHERS,
          ),
        ),
      ],
    },
  },
  {
    name: 'protection_off',
    pack: 'detections',
    description: 'Somebody switched off SELinux, AppArmor, the firewall, or randomized addresses.',
    attack: ['T1562.001', 'T1562.004'],
    interval: 60,
    falsePositives:
      'Configuration management that loads the whole firewall anew (it flushes the rules first), and tests of it.',
    exclude: "AND t.parent_process_name NOT IN ('netfilter-persistent')",
    query: {
      select: PROCESS,
      from: EXECUTIONS,
      where: [
        anyOf(
          allOf("t.process_name = 'setenforce'", globs('t.process_command_line', '* 0', '* [Pp]ermissive')),
          `t.process_name IN ${list('aa-teardown', 'aa-disable', 'aa-complain')}`,
          globs(
            't.process_command_line',
            '*ufw disable*',
            '*ufw --force disable*',
            '*ufw --force reset*',
            '*nft flush ruleset*',
            '*apparmor_parser -R*',
            '*apparmor_parser --remove*',
          ),
          allOf(
            `t.process_name IN ${list('iptables', 'ip6tables', 'xtables-nft-multi', 'xtables-legacy-multi')}`,
            globs('t.process_command_line', '*tables -F', '*tables --flush', '*tables -P INPUT ACCEPT*'),
          ),
          allOf(
            "t.process_name = 'systemctl'",
            globs('t.process_command_line', '* stop *', '* disable *', '* mask *'),
            globs('t.process_command_line', '*firewalld*', '*apparmor*', '*nftables*', '*ufw*', '*fail2ban*'),
          ),
          allOf(
            "t.process_name = 'sysctl'",
            globs(
              't.process_command_line',
              '*kernel.randomize_va_space=0*',
              '*kernel.yama.ptrace_scope=0*',
              '*kernel.kptr_restrict=0*',
            ),
          ),
        ),
      ],
    },
  },
  {
    name: 'history_cleared',
    pack: 'detections',
    description:
      'A program removed, emptied or replaced the history of a shell, or a shell was told not to write one.',
    attack: ['T1070.003'],
    interval: 60,
    falsePositives: 'Scripts that prepare images of machines.',
    exclude: "AND t.parent_process_command_line NOT LIKE '%/opt/packer/%'",
    query: {
      select: PROCESS,
      from: EXECUTIONS,
      where: [
        anyOf(
          allOf(
            `t.process_name IN ${list('rm', 'shred', 'truncate', 'ln', 'unlink', 'mv', 'cp', 'dd', 'tee', 'srm', 'wipe', 'chattr')}`,
            globs('t.process_command_line', '*_history*', '*/.viminfo*', '*/.lesshst*'),
          ),
          globs(
            't.process_command_line',
            '* -c *history -c*',
            '* -c *HISTFILE=*',
            '* -c *unset HISTFILE*',
            '* -c *HISTSIZE=0*',
            '* -c *>*_history*',
          ),
        ),
      ],
    },
  },
  {
    name: 'logs_cleared',
    pack: 'detections',
    description: 'A program removed or emptied logs of the system, or records of logins.',
    attack: ['T1070.002', 'T1070.006'],
    interval: 60,
    falsePositives: 'Clean-up jobs and logrotate scripts that call rm themselves, or journalctl --vacuum.',
    exclude: "AND t.parent_process_name <> 'logrotate'",
    query: {
      select: PROCESS,
      from: EXECUTIONS,
      where: [
        anyOf(
          allOf(
            `t.process_name IN ${list('rm', 'shred', 'truncate', 'ln', 'unlink', 'dd', 'tee', 'srm', 'wipe', 'utmpdump')}`,
            globs(
              't.process_command_line',
              '*/log/auth.log*',
              '*/log/secure*',
              '*/log/syslog*',
              '*/log/messages*',
              '*/log/audit/*',
              '*/log/wtmp*',
              '*/log/btmp*',
              '*/log/lastlog*',
              '*/run/utmp*',
              '*/log/journal*',
              '*/log/osquery*',
              '*/log/kern.log*',
            ),
          ),
          globs(
            't.process_command_line',
            'journalctl *--vacuum-*',
            '*dmesg -[cC]*',
            '* -c *[^>]> /var/log/*',
            '* -c *[^>]>/var/log/*',
          ),
        ),
      ],
    },
  },
];

import type { Detection } from './detection.ts';
import { allOf, FILE, globs, installed, PACKAGE_MANAGERS } from './sql.ts';

/** By category, as `file_paths` of osquery's configuration; %% is every file below, at any depth. */
export const watchedPaths = {
  preload: ['/etc/ld.so.preload', '/etc/ld.so.conf', '/etc/ld.so.conf.d/%%'],
  scheduled: [
    '/etc/crontab',
    '/etc/anacrontab',
    '/etc/cron.d/%%',
    '/etc/cron.hourly/%%',
    '/etc/cron.daily/%%',
    '/etc/cron.weekly/%%',
    '/etc/cron.monthly/%%',
    '/var/spool/cron/%%',
    '/etc/at.allow',
    '/var/spool/at/%%',
  ],
  units: [
    '/etc/systemd/system/%%',
    '/usr/local/lib/systemd/system/%%',
    '/etc/init.d/%%',
    '/etc/rc.local',
    '/etc/udev/rules.d/%%',
    '/etc/xdg/autostart/%%',
  ],
  ssh_keys: ['/root/.ssh/%%', '/home/%/.ssh/%%', '/etc/ssh/%%'],
  profiles: [
    '/etc/profile',
    '/etc/profile.d/%%',
    '/etc/bash.bashrc',
    '/root/.bashrc',
    '/root/.profile',
    '/home/%/.bashrc',
    '/home/%/.profile',
  ],
  accounts: [
    '/etc/passwd',
    '/etc/shadow',
    '/etc/group',
    '/etc/gshadow',
    '/etc/sudoers',
    '/etc/sudoers.d/%%',
    '/etc/pam.d/%%',
    '/etc/security/%%',
  ],
  package_hooks: [
    '/etc/apt/apt.conf.d/%%',
    '/etc/dpkg/dpkg.cfg.d/%%',
    '/etc/yum/pluginconf.d/%%',
    '/etc/dnf/plugins/%%',
  ],
  monitoring: [
    '/etc/audit/%%',
    '/etc/osquery/%%',
    '/etc/rsyslog.conf',
    '/etc/rsyslog.d/%%',
    '/var/lib/osquery-audit-events/%%',
  ],
} as const;

type Category = keyof typeof watchedPaths;

/** A change through io_uring has no program. */
const EXECUTABLE = "coalesce(f.executable, '')";

const NOT_PACKAGES = `${EXECUTABLE} NOT IN ${PACKAGE_MANAGERS}`;

interface FileDetection
  extends Pick<Detection, 'name' | 'description' | 'attack' | 'falsePositives' | 'exclude'> {
  readonly category: Category;
  readonly where?: readonly string[];
}

const changes = ({ category, where = [], ...rest }: FileDetection): Detection => ({
  ...rest,
  pack: 'file_detections',
  interval: 60,
  query: {
    select: FILE,
    from: 'process_file_events AS f',
    where: [`f.category = '${category}'`, "f.operation <> 'read'", NOT_PACKAGES, ...where],
  },
});

/** Changes of files by which somebody stays, or gets more rights. */
export const fileDetections: readonly Detection[] = [
  changes({
    name: 'preload_changed',
    category: 'preload',
    description:
      'Somebody changed which libraries are loaded into every program: /etc/ld.so.preload, or the directories where the loader looks.',
    attack: ['T1574.006'],
    falsePositives: 'Software of other vendors that adds its directory of libraries by a script.',
    exclude: "AND f.path <> '/etc/ld.so.conf.d/vendor.conf'",
  }),
  changes({
    name: 'scheduled_job_changed',
    category: 'scheduled',
    description: 'Somebody changed what cron, anacron or at runs.',
    attack: ['T1053.003', 'T1053.002'],
    falsePositives: 'Configuration management, and people who edit their crontab.',
    exclude: "AND f.executable <> '/usr/bin/puppet'",
  }),
  changes({
    name: 'service_definition_changed',
    category: 'units',
    description: 'Somebody changed what starts by itself: units of systemd, init scripts, rules of udev.',
    attack: ['T1543.002', 'T1037.004', 'T1546.017'],
    falsePositives:
      'Configuration management. The links that systemctl enable and disable make and remove are left out: the unit itself was written before.',
    exclude: "AND f.executable <> '/usr/bin/puppet'",
    where: [
      `NOT ${allOf("coalesce(f.comm, '') GLOB 'deb-systemd-*'", `${EXECUTABLE} GLOB '/usr/bin/perl*'`)}`,
      `NOT ${allOf("f.operation IN ('symlink', 'unlink')", `${EXECUTABLE} IN ${installed('systemctl', '/bin/systemctl')}`)}`,
      `NOT ${globs(EXECUTABLE, '/usr/lib/systemd/systemd*', '/lib/systemd/systemd*')}`,
    ],
  }),
  changes({
    name: 'ssh_keys_changed',
    category: 'ssh_keys',
    description: 'Somebody changed which keys may log in by ssh, or the settings of its server.',
    attack: ['T1098.004', 'T1556'],
    falsePositives: 'ssh that adds a server to known_hosts (left out), ssh-copy-id, provisioning.',
    exclude: "AND f.executable <> '/usr/bin/cloud-init'",
    where: [`NOT (${globs("coalesce(f.dest_path, '') || ' ' || coalesce(f.path, '')", '*/known_hosts*')})`],
  }),
  changes({
    name: 'shell_profile_changed',
    category: 'profiles',
    description: 'Somebody changed what every shell of a user, or of all, runs at its start.',
    attack: ['T1546.004'],
    falsePositives:
      'Installers of language tool chains that add a line to .bashrc, and people who edit theirs.',
    exclude: "AND f.path NOT LIKE '/home/%'",
  }),
  changes({
    name: 'accounts_changed',
    category: 'accounts',
    description: 'A program that is none for it changed accounts, passwords, sudo or PAM.',
    attack: ['T1098', 'T1556.003', 'T1548.003'],
    falsePositives: 'Editors and configuration management.',
    exclude: "AND f.executable <> '/usr/bin/puppet'",
    where: [
      `${EXECUTABLE} NOT IN ${installed('useradd', 'userdel', 'usermod', 'groupadd', 'groupdel', 'groupmod', 'passwd', 'chpasswd', 'chage', 'chsh', 'chfn', 'gpasswd', 'newusers', 'pwck', 'grpck', 'pwconv', 'systemd-sysusers', 'unix_chkpwd', 'sshd', 'login', 'su')}`,
      `NOT ${allOf("coalesce(f.comm, '') = 'pam-auth-update'", `${EXECUTABLE} GLOB '/usr/bin/perl*'`)}`,
      `NOT ${globs("coalesce(f.dest_path, '') || coalesce(f.path, '')", '*/.pwd.lock*', '*.lock')}`,
    ],
  }),
  changes({
    name: 'package_hook_changed',
    category: 'package_hooks',
    description: 'Somebody changed what a package manager runs before and after its work.',
    attack: ['T1546.016', 'T1195.002'],
    falsePositives: 'Configuration management that sets proxies and mirrors of apt.',
    exclude: "AND f.path <> '/etc/apt/apt.conf.d/01proxy'",
  }),
  changes({
    name: 'monitoring_changed',
    category: 'monitoring',
    description:
      'Somebody else than the programs themselves changed the configuration or the state of audit, osquery or syslog.',
    attack: ['T1562.001', 'T1562.012', 'T1562.006'],
    falsePositives: 'Configuration management, augenrules, osquery-audit-events setup.',
    exclude: "AND f.executable <> '/usr/bin/puppet'",
    where: [`NOT ${globs(EXECUTABLE, '/usr/lib/osquery/*', '/opt/osquery/*', '/usr/bin/osquery*')}`],
  }),
];

import type { Detection } from './detection.ts';
import { anyOf, EXECUTIONS, globs, list, PROCESS, PYTHONS } from './sql.ts';

/** Who comes in, and by which accounts and secrets. */
export const accessDetections: readonly Detection[] = [
  {
    name: 'ssh_login_new_address',
    pack: 'detections',
    description:
      'Somebody logged in by ssh from an address from which the same account had not logged in within what is buffered (events_expiry, a day with our osquery.flags).',
    attack: ['T1021.004', 'T1078'],
    interval: 60,
    falsePositives:
      'People at a new place, addresses that change, each address once after longer than events_expiry: set events_expiry to some weeks.',
    exclude: "AND NOT in_cidr_block('10.0.0.0/8', u.address)",
    query: {
      select: ['u.time', 'u.pid', 'u.path', 'u.acct', 'u.address', 'u.uid', 'u.auid', 'u.terminal'],
      from: 'user_events AS u',
      where: [
        'u.type = 1105',
        "u.path LIKE '%/sshd%'",
        "u.res = 'success'",
        "u.address <> ''",
        "NOT EXISTS (SELECT 1 FROM user_events AS b WHERE b.type = 1105 AND b.address = u.address AND b.time BETWEEN 1 AND u.time AND b.acct = u.acct AND b.path LIKE '%/sshd%' AND b.res = 'success' AND b.eid < u.eid)",
      ],
    },
  },
  {
    name: 'password_guessed',
    pack: 'detections',
    description:
      'An authentication succeeded from an address, or at a terminal, from which ten or more had failed in the ten minutes before.',
    attack: ['T1110.001', 'T1078'],
    interval: 60,
    falsePositives: 'Monitoring and jobs with an old password, beside a person behind the same address.',
    exclude: "AND u.address <> '192.0.2.10'",
    query: {
      select: [
        'max(u.time) AS time',
        'u.pid',
        'u.path',
        'u.acct',
        'u.address',
        'u.terminal',
        'u.auid',
        'count(DISTINCT f.eid) AS failures',
        'count(DISTINCT f.acct) AS accounts_tried',
      ],
      from: 'user_events AS u CROSS JOIN user_events AS f',
      where: [
        'u.type = 1100',
        "u.res = 'success'",
        'f.type = 1100',
        'f.path = u.path',
        'f.time BETWEEN u.time - 600 AND u.time',
        "f.res = 'failed'",
        "coalesce(nullif(f.address, ''), f.terminal) = coalesce(nullif(u.address, ''), u.terminal)",
      ],
      groupBy: 'u.eid',
      having: 'count(DISTINCT f.eid) >= 10',
    },
  },
  {
    name: 'account_made',
    pack: 'detections',
    description:
      'A program made an account, gave one uid 0, or put one into a group that is as good as root.',
    attack: ['T1136.001', 'T1098.007'],
    interval: 60,
    falsePositives:
      'Packages that make an account for their service (left out: accounts of the system made below a package manager), and provisioning.',
    exclude: "AND t.parent_process_command_line NOT LIKE '%cloud-init%'",
    query: {
      select: PROCESS,
      from: EXECUTIONS,
      where: [
        `t.process_name IN ${list('useradd', 'newusers', 'usermod', 'gpasswd', 'groupmems', 'perl')}`,
        anyOf(
          `t.process_name IN ${list('useradd', 'newusers')}`,
          globs(
            't.process_command_line',
            '*usermod *-[aGo]*sudo*',
            '*usermod *-[aGo]*wheel*',
            '*usermod *-[aGo]*docker*',
            '*usermod *-[aGo]*adm*',
            '*usermod *-[aGo]*lxd*',
            '*usermod *-*u 0*',
            '*gpasswd *-a *sudo*',
            '*gpasswd *-a *wheel*',
            '*gpasswd *-a *docker*',
            '*adduser * sudo*',
            '*adduser * wheel*',
            '*adduser * docker*',
          ),
        ),
        `NOT (${globs('t.process_command_line', '* -r *', '* --system *')} AND ${globs("coalesce(t.ancestors, '')", '*/dpkg"*', '*/rpm"*', '*/dnf*"*', '*/systemd-sysusers"*')})`,
        "t.process_command_line NOT GLOB '* -D*'",
      ],
    },
  },
  {
    name: 'credential_file_read',
    pack: 'detections',
    description: 'A program for reading, copying or searching was given a file of passwords, keys or tokens.',
    attack: ['T1003.008', 'T1552.001', 'T1552.004'],
    interval: 60,
    falsePositives:
      'Backups by cp or tar, and the copy of /etc/shadow that Debian makes in /var/backups (left out).',
    exclude: "AND t.parent_process_command_line NOT LIKE '%/opt/backup/%'",
    query: {
      select: PROCESS,
      from: EXECUTIONS,
      where: [
        `t.process_name IN ${list('cat', 'tac', 'nl', 'less', 'more', 'head', 'tail', 'cp', 'mv', 'scp', 'rsync', 'tar', 'zip', '7z', 'grep', 'sed', 'mawk', 'gawk', 'awk', 'strings', 'xxd', 'od', 'hexdump', 'base64', 'dd', 'cut', 'sort', 'tee', 'curl', 'wget', 'nc.openbsd', 'vim', 'vim.basic', 'vim.tiny', 'nano', 'ed', 'busybox', 'openssl', 'john', 'unshadow', 'hashcat', 'perl', ...PYTHONS)}`,
        globs(
          't.process_command_line',
          '*/etc/shadow*',
          '*/etc/gshadow*',
          '*/etc/master.passwd*',
          '*/.ssh/id_[red]*',
          '*/ssh/ssh_host_*_key',
          '*/ssh/ssh_host_*_key *',
          '*/.aws/credentials*',
          '*/.kube/config*',
          '*/.docker/config.json*',
          '*/.config/gcloud/*',
          '*/.azure/*',
          '*/.netrc*',
          '*/.pgpass*',
          '*/.git-credentials*',
          '*/secrets/kubernetes.io/serviceaccount/token*',
          '*/etc/krb5.keytab*',
          '*/etc/kubernetes/admin.conf*',
          '*/proc/[0-9]*/environ*',
        ),
        "t.process_command_line NOT GLOB 'cp -p* /etc/*shadow *shadow.bak'",
        "t.process_command_line NOT GLOB '*.pub'",
      ],
    },
  },
];

import { type CheckResult, ok, problem, unknown } from '../check-result.ts';
import type { Facts } from '../facts.ts';

const RUNNING = 'auditd';
const AT_BOOT = 'auditd at boot';

/** Whether auditd leaves the audit socket free: only one process can have it. */
export const checkAuditd = ({
  host,
  processes,
  boot,
}: Pick<Facts, 'host' | 'processes' | 'boot'>): readonly CheckResult[] => {
  if (host.platform !== 'linux') return [];
  const pid = [...processes.names].find(([, comm]) => comm === 'auditd')?.[0];
  return [
    pid !== undefined
      ? problem(
          RUNNING,
          `auditd is running (pid ${pid}): only one process can have the audit socket`,
          'stop it: systemctl stop auditd or, if that is refused, service auditd stop',
        )
      : processes.complete
        ? ok(RUNNING, 'auditd is not running')
        : unknown(RUNNING, 'the processes of other users are not visible', 'run the doctor as root'),
    boot.starters.length === 0 || boot.masked
      ? ok(AT_BOOT, boot.masked ? 'auditd is masked' : 'nothing starts auditd at boot')
      : problem(
          AT_BOOT,
          `auditd is started at boot, by ${boot.starters.join(', ')}`,
          boot.starters.some(path => path.includes('/systemd/'))
            ? 'systemctl disable auditd'
            : 'update-rc.d auditd disable, chkconfig auditd off or rc-update delete auditd, whichever this system uses',
        ),
  ];
};

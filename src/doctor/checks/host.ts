import { type CheckResult, ok, problem, unknown } from '../check-result.ts';
import type { Facts } from '../facts.ts';

/** Whether this machine, and this process on it, can receive audit events at all. */
export const checkHost = ({ host }: Pick<Facts, 'host'>): readonly CheckResult[] => {
  switch (host.platform) {
    case 'linux':
      return [
        host.kernelHasAudit
          ? ok('kernel', 'the kernel has audit')
          : problem(
              'kernel',
              'the kernel has no audit: it was built without audit, or started with audit=0',
              'remove audit=0 from the kernel command line (in /etc/default/grub, then update-grub) and restart the system, or use a kernel with CONFIG_AUDIT',
            ),
        host.inInitialNamespaces
          ? ok('namespaces', "in the host's own user and pid namespaces")
          : problem(
              'namespaces',
              "not in the host's own user and pid namespaces; elsewhere the kernel refuses audit",
              'run osqueryd on the host itself, or in a container with its pid and user namespaces (--pid=host --userns=host)',
            ),
        host.canControlAudit
          ? ok('privileges', 'this process may control audit (CAP_AUDIT_CONTROL)')
          : host.isRoot
            ? problem(
                'privileges',
                'root lacks the capability CAP_AUDIT_CONTROL here',
                'add it to the container or service: --cap-add=AUDIT_CONTROL --cap-add=AUDIT_READ, or CapabilityBoundingSet= of the unit',
              )
            : unknown(
                'privileges',
                'this user may not control audit, so some checks cannot be made',
                'run the doctor as root',
              ),
      ];
    case 'darwin':
      return [
        host.hasAuditPipe
          ? ok('kernel', 'this system has /dev/auditpipe')
          : problem(
              'kernel',
              'this system has no /dev/auditpipe',
              'use a version of macOS with OpenBSM audit; Endpoint Security cannot feed these tables',
            ),
        host.isRoot
          ? ok('privileges', 'this process may read audit events')
          : unknown('privileges', 'only root may read audit events', 'run the doctor as root'),
      ];
    default:
      return [
        problem(
          'kernel',
          `audit events need Linux or macOS, and this is ${host.platform}`,
          'install the extension on Linux or macOS only',
        ),
      ];
  }
};

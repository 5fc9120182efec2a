import type { SystemFacts } from './facts.ts';

const GRUB = 'add audit=1 to GRUB_CMDLINE_LINUX in /etc/default/grub';

/**
 * How a parameter gets onto the kernel's command line, by `ID` in os-release. Each distribution has its own way; where one has
 * several boot loaders, that of an ordinary installation.
 */
const ways: ReadonlyMap<string, string> = new Map([
  ['debian', `${GRUB} and run "update-grub"`],
  ['rhel', 'run "grubby --update-kernel=ALL --args=audit=1"'],
  ['fedora', 'run "grubby --update-kernel=ALL --args=audit=1"'],
  ['amzn', 'run "grubby --update-kernel=ALL --args=audit=1"'],
  ['suse', `${GRUB} and run "grub2-mkconfig -o /boot/grub2/grub.cfg"`],
  ['arch', `${GRUB} and run "grub-mkconfig -o /boot/grub/grub.cfg"`],
  ['gentoo', `${GRUB} and run "grub-mkconfig -o /boot/grub/grub.cfg"`],
  ['alpine', `${GRUB} and run "grub-mkconfig -o /boot/grub/grub.cfg"`],
  ['flatcar', 'add the line set linux_append="$linux_append audit=1" to /oem/grub.cfg'],
  [
    'bottlerocket',
    'set "audit" = ["1"] under [settings.boot.kernel-parameters] and reboot-to-reconcile = true under [settings.boot]',
  ],
  ['nixos', 'add "audit=1" to boot.kernelParams and run "nixos-rebuild boot"'],
]);

const OSTREE = 'run "rpm-ostree kargs --append=audit=1"';
const TRANSACTIONAL = `${GRUB} and run "transactional-update grub.cfg"`;
const OTHER = "add audit=1 to the kernel's command line, in the configuration of the boot loader";

/** How to start the kernel with audit=1 on this system, as a sentence without a full stop. */
export const howToAuditFromBoot = ({ ids, isOstree, isTransactional }: SystemFacts): string => {
  const own = ids.map(id => ways.get(id)).find(way => way !== undefined);
  const way = isOstree ? OSTREE : isTransactional ? TRANSACTIONAL : (own ?? OTHER);
  return `${way}, then restart the system`;
};

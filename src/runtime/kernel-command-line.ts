import { readFileSync } from 'node:fs';

/**
 * Whether the kernel audits every process from boot on, by `audit=` on its command line. Without that, a process gets
 * what audit needs when it is made, but only if somebody has switched audit on before (kernel/auditsc.c, audit_alloc).
 *
 * @param commandLine the content of /proc/cmdline; what follows `--` is for init and not for the kernel
 */
export const auditsFromBoot = (commandLine: string): boolean => {
  let value: string | undefined;
  for (const [, quoted, plain] of commandLine.matchAll(/(?:"([^"]*)"?|((?:[^\s"]|"[^"]*"?)+))/g)) {
    const parameter = quoted ?? plain!;
    if (parameter === '--') break;
    // Of several ones the last counts.
    if (parameter.startsWith('audit=')) value = parameter.slice('audit='.length).replaceAll('"', '');
  }
  // Source: audit_enable in kernel/audit.c. Linux 4.15 and before take only numbers.
  return value !== undefined && value !== '0' && value.toLowerCase() !== 'off';
};

/** The same for the running kernel; false if it cannot be read. */
export const auditsFromBootHere = (): boolean => {
  try {
    return auditsFromBoot(readFileSync('/proc/cmdline', 'utf8'));
  } catch {
    return false;
  }
};

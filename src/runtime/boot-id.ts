import { readFileSync } from 'node:fs';

/**
 * Changes with every boot. Source: random(4).
 *
 * @throws ErrnoException on systems other than Linux
 */
export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();

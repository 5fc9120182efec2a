import { readFileSync } from 'node:fs';

/**
 * Changes with every start of the system. Source: random(4).
 *
 * @throws ErrnoException where there is none: it is Linux's
 */
export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();

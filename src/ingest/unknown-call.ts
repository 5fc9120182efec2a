import { archName } from '../audit/architectures/arch-names.ts';

/** What to tell of the first system call that is not known here; more are counted, and not told of. */
export const unknownCallWarning = ({
  arch,
  number,
}: {
  readonly arch: number;
  readonly number: number;
}): string => {
  const name = archName(arch);
  const of = name === undefined ? 'an architecture that is not known' : `${name}`;
  return `system calls that are not known here are left out (unknown_arch_events of audit_status counts them); the first was number ${number} of ${of} (arch=${arch.toString(16)})`;
};

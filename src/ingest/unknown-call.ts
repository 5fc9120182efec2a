import { archName } from '../audit/architectures/arch-names.ts';

/** The warning about the first unknown system call; later ones are only counted. */
export const unknownCallWarning = ({
  arch,
  number,
}: {
  readonly arch: number;
  readonly number: number;
}): string => {
  const name = archName(arch);
  const of = name === undefined ? 'an unknown architecture' : `${name}`;
  return `unknown system calls are left out (unknown_arch_events of audit_status counts them); the first was number ${number} of ${of} (arch=${arch.toString(16)})`;
};

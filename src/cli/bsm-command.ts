import { once } from 'node:events';
import { FlagError } from '../flags/flag-error.ts';
import type { Command } from './command.ts';
import { bsmFlags } from './command-flags.ts';

export const bsmCommand: Command = {
  name: 'bsm',
  summary: 'print the records of OpenBSM audit trails, as praudit does',
  usage: 'bsm [--json] [--delimiter=TEXT] FILE...',
  notes: ['FILE is a trail, a directory of trails, or - for standard input.'],
  flags: bsmFlags,
  flagGroups: [],
  run: async ({ values, positionals: paths }) => {
    if (paths.length === 0)
      throw new FlagError('usage', 'bsm: expected an audit trail, a directory of trails, or -');
    const { printTrails } = await import('../openbsm/print-trails.ts');
    return printTrails(
      { paths, json: values.get('json') === 'true', delimiter: values.get('delimiter') ?? ',' },
      {
        stdout: text => (process.stdout.write(text) ? undefined : once(process.stdout, 'drain')),
        stderr: text => process.stderr.write(text),
        stdin: process.stdin,
      },
    );
  },
};

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BpfError } from '../../src/bpf/bpf-error.ts';
import { Btf } from '../../src/bpf/btf.ts';
import { processPrograms } from '../../src/bpf/process-programs.ts';
import { unauditedExecProgram } from '../../src/bpf/unaudited-exec-program.ts';
import { unauditedTasksProgram } from '../../src/bpf/unaudited-tasks.ts';

const DIRECTORY = new URL('./btf/', import.meta.url);
const kernels = readdirSync(DIRECTORY);
const btfOf = (kernel: string) => new Btf(readFileSync(new URL(kernel, DIRECTORY)));

const MAPS = { ring: 3, losses: 4, table: 5 };
const INSTRUCTION_BYTES = 8;
/** Of a program without privileges beyond CAP_BPF. */
const MOST_INSTRUCTIONS = 4_096;
const EXIT = 0x95;

const assemble = (btf: Btf, controller: string | undefined) =>
  processPrograms(controller).variants.flatMap(({ programs }) =>
    programs.map(({ assemble }) => assemble(btf, MAPS)),
  );

describe.each(kernels)('on %s', kernel => {
  const btf = btfOf(kernel);
  const controller = 'pids';

  test('everything that the programs need is there', () => {
    for (const program of [...assemble(btf, undefined), ...assemble(btf, controller)]) {
      expect(program.length % INSTRUCTION_BYTES).toBe(0);
      expect(program.length / INSTRUCTION_BYTES).toBeLessThan(MOST_INSTRUCTIONS);
      expect(program.at(-INSTRUCTION_BYTES)).toBe(EXIT);
    }
    expect(unauditedExecProgram(btf, MAPS).at(-INSTRUCTION_BYTES)).toBe(EXIT);
    expect(unauditedTasksProgram(btf).at(-INSTRUCTION_BYTES)).toBe(EXIT);
  });

  test('where version 1 is mounted, an exec program looks at two cgroups', () => {
    const [, one] = assemble(btf, undefined);
    const [, two] = assemble(btf, controller);
    expect(two!.length).toBeGreaterThan(1.5 * one!.length);
  });
});

test('a kernel without something that is needed: an error that names it', () => {
  const empty = new Btf(Buffer.concat([Buffer.from('9feb010018000000', 'hex'), Buffer.alloc(16)]));
  expect(() => assemble(empty, undefined)).toThrow(BpfError);
  expect(() => assemble(btfOf(kernels[0]!), 'missing')).toThrow(/controller missing/);
  expect(() => unauditedTasksProgram(empty)).toThrow(/bpf_iter__task/);
});

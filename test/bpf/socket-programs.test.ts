import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BpfError } from '../../src/bpf/bpf-error.ts';
import { Btf } from '../../src/bpf/btf.ts';
import { readKernelBtf } from '../../src/bpf/kernel-btf.ts';
import { loadPrograms } from '../../src/bpf/load-programs.ts';
import type { Program } from '../../src/bpf/program-set.ts';
import { socketPrograms } from '../../src/bpf/socket-programs.ts';
import { encodeBtf } from './encode-btf.ts';

const DIRECTORY = new URL('./btf/', import.meta.url);
const MAPS = { ring: 3, losses: 4, table: 5 };
const INSTRUCTION_BYTES = 8;
const JUMP_CLASS = 5;
const CALL = 0x85;
const EXIT = 0x95;
const LOAD_64 = 0x18;

describe.each(readdirSync(DIRECTORY))('programs of sockets for %s', kernel => {
  const btf = new Btf(readFileSync(new URL(kernel, DIRECTORY)));
  const programs = socketPrograms.variants.flatMap(variant => variant.programs);

  test.each(programs)('$name: every jump has a target, and the last instruction ends it', ({ assemble }) => {
    const bytes = assemble(btf, MAPS);
    const count = bytes.length / INSTRUCTION_BYTES;
    for (let i = 0; i < count; i++) {
      const code = bytes[i * INSTRUCTION_BYTES]!;
      if ((code & 7) !== JUMP_CLASS || code === CALL || code === EXIT) continue;
      const target = i + 1 + bytes.readInt16LE(i * INSTRUCTION_BYTES + 2);
      expect(target).toBeGreaterThan(i);
      expect(target).toBeLessThan(count);
      // Not into the second half of an instruction that takes two.
      expect(bytes[(target - 1) * INSTRUCTION_BYTES]).not.toBe(LOAD_64);
    }
    expect(bytes[(count - 1) * INSTRUCTION_BYTES]).toBe(EXIT);
  });

  test('the kernel has what they are attached to', () => {
    for (const { hook } of programs) {
      if (hook.kind === 'fexit') expect(btf.parameterCount(hook.function)).toBeGreaterThanOrEqual(3);
      if (hook.kind === 'tp_btf')
        expect(btf.find('typedef', `btf_trace_${hook.tracepoint}`)).toBeGreaterThan(0);
    }
  });
});

describe('what a kernel lacks', () => {
  test('a structure that is not as expected is named', () => {
    const btf = new Btf(encodeBtf([{ kind: 'struct', name: 'sock', members: [] }]));
    const [{ assemble }] = socketPrograms.variants[1]!.programs as readonly [Program];
    expect(() => assemble(btf, MAPS)).toThrow(BpfError);
    expect(() => assemble(btf, MAPS)).toThrow('struct sock has no member __sk_common.skc_family');
  });

  test('without BTF nothing is loaded, and it says why', () => {
    const { loaded, refused } = loadPrograms([socketPrograms], () => readKernelBtf('/nonexistent/vmlinux'));
    expect(loaded).toEqual([]);
    expect(refused).toEqual([{ name: 'sockets', why: expect.stringContaining('/nonexistent/vmlinux') }]);
  });

  test('BTF that is cut off is refused, and it says where', () => {
    const whole = readFileSync(new URL('linux-6.12-x64.btf', DIRECTORY));
    const { refused } = loadPrograms([socketPrograms], () => new Btf(whole.subarray(0, 1_000)));
    expect(refused[0]!.why).toMatch(/cut off/);
  });
});

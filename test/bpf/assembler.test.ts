import { describe, expect, test } from 'vitest';
import { Assembler, FP, R0, R1, R2, R7, R9 } from '../../src/bpf/assembler.ts';
import { BpfError } from '../../src/bpf/bpf-error.ts';

/** The expected bytes are written by hand after RFC 9669. */
const hex = (build: (assembler: Assembler) => Assembler): string =>
  build(new Assembler()).bytes().toString('hex');

describe('assembler', () => {
  test.each([
    ['r7 = r1', (a: Assembler) => a.move(R7, R1), 'bf17000000000000'],
    ['r0 = 0', (a: Assembler) => a.set(R0, 0), 'b700000000000000'],
    ['r2 = -1', (a: Assembler) => a.set(R2, -1), 'b7020000ffffffff'],
    ['r1 += -8', (a: Assembler) => a.addNumber(R1, -8), '07010000f8ffffff'],
    ['r1 += r9', (a: Assembler) => a.add(R1, R9), '0f91000000000000'],
    ['r1 = *(u64 *)(r10 - 16)', (a: Assembler) => a.load(8, R1, FP, -16), '79a1f0ff00000000'],
    ['r1 = *(u16 *)(r9 + 14)', (a: Assembler) => a.load(2, R1, R9, 14), '69910e0000000000'],
    ['*(u32 *)(r10 - 4) = r0', (a: Assembler) => a.store(4, FP, -4, R0), '630afcff00000000'],
    ['*(u8 *)(r9 + 1) = r1', (a: Assembler) => a.store(1, R9, 1, R1), '7319010000000000'],
    ['*(u64 *)(r10 - 8) = 5', (a: Assembler) => a.storeNumber(8, FP, -8, 5), '7a0af8ff05000000'],
    ['r0 >>= 32', (a: Assembler) => a.shiftRight(R0, 32), '7700000020000000'],
    ['r7 <<= 32; r7 s>>= 32', (a: Assembler) => a.signExtend(R7), '6707000020000000c707000020000000'],
    ['r1 = be16 r1', (a: Assembler) => a.fromNetworkOrder(R1), 'dc01000010000000'],
    ['lock *(u64 *)(r1 + 0) += r2', (a: Assembler) => a.addAtomically(R1, 0, R2), 'db21000000000000'],
    ['call 14', (a: Assembler) => a.call(14), '850000000e000000'],
    ['r1 = map fd 5', (a: Assembler) => a.loadMap(R1, 5), '18110000050000000000000000000000'],
    ['exit', (a: Assembler) => a.exit(), '9500000000000000'],
  ] as const)('%s', (_, build, bytes) => {
    expect(hex(build)).toBe(bytes);
  });

  test('jumps in both directions count from the instruction behind them', () => {
    const bytes = hex(a =>
      a
        .label('start')
        .jumpIf(R1, 'equal', 2, 'end')
        .jumpIfRegister(R1, 'at least', R2, 'end')
        .jump('start')
        .label('end')
        .exit(),
    );
    expect(bytes).toBe(
      ['1501020002000000', '3d21010000000000', '0500fdff00000000', '9500000000000000'].join(''),
    );
  });

  test('a jump to nowhere, and a label that stands twice', () => {
    expect(() => new Assembler().jump('nowhere').bytes()).toThrow(BpfError);
    expect(() => new Assembler().label('x').label('x')).toThrow(BpfError);
  });
});

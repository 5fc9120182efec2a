import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BpfError } from '../../src/bpf/bpf-error.ts';
import { Btf } from '../../src/bpf/btf.ts';
import { encodeBtf } from './encode-btf.ts';

const DIRECTORY = new URL('./btf/', import.meta.url);
const kernels = readdirSync(DIRECTORY);
const bytesOf = (kernel: string): Buffer => readFileSync(new URL(kernel, DIRECTORY));

describe('BTF', () => {
  const inner = { kind: 'struct', name: '', members: [{ name: 'deep', type: 0, bits: 64 }] } as const;
  const types = [
    inner,
    { kind: 'union', name: '', members: [{ name: '', type: 1, bits: 0 }] },
    { kind: 'typedef', name: 'alias', type: 5 },
    { kind: 'const', name: '', type: 3 },
    { kind: 'struct', name: 'part', members: [{ name: 'last', type: 0, bits: 24 }] },
    {
      kind: 'struct',
      name: 'whole',
      members: [
        { name: 'first', type: 0, bits: 0 },
        { name: '', type: 2, bits: 128 },
        { name: 'part', type: 4, bits: 320 },
      ],
    },
    { kind: 'proto', parameters: 3 },
    { kind: 'function', name: 'called', type: 7 },
    {
      kind: 'struct',
      name: 'flags',
      bitFields: true,
      members: [
        { name: 'bit', type: 0, bits: 3, width: 1 },
        { name: 'byte', type: 0, bits: 8 },
      ],
    },
  ] as const;
  const btf = new Btf(encodeBtf(types));

  test('members of anonymous structures, through typedefs and modifiers', () => {
    expect(btf.offset('whole', 'first')).toBe(0);
    expect(btf.offset('whole', 'deep')).toBe(24);
    expect(btf.offset('whole', 'part.last')).toBe(43);
  });

  test('enumerators by their names', () => {
    const enums = new Btf(
      encodeBtf([
        { kind: 'enum', name: 'other', values: { pids_cgrp_id: 3 } },
        { kind: 'enum', name: 'cgroup_subsys_id', values: { cpu_cgrp_id: 1, pids_cgrp_id: 11 } },
      ]),
    );
    expect(enums.enumerator('cgroup_subsys_id', 'pids_cgrp_id')).toBe(11);
    expect(enums.enumerator('cgroup_subsys_id', 'misc_cgrp_id')).toBeUndefined();
    expect(enums.enumerator('missing', 'pids_cgrp_id')).toBeUndefined();
  });

  test('what is not there is undefined', () => {
    expect(btf.offset('whole', 'missing')).toBeUndefined();
    expect(btf.offset('missing', 'first')).toBeUndefined();
    expect(btf.offset('whole', 'first.inside')).toBeUndefined();
    expect(btf.find('function', 'whole')).toBeUndefined();
    expect(btf.parameterCount('missing')).toBeUndefined();
  });

  test('functions and typedefs by their numbers', () => {
    expect(btf.find('function', 'called')).toBe(8);
    expect(btf.find('typedef', 'alias')).toBe(3);
    expect(btf.parameterCount('called')).toBe(3);
  });

  test('a bit field has no offset in bytes; a member beside it has', () => {
    expect(() => btf.offset('flags', 'bit')).toThrow(/bit field/);
    expect(btf.offset('flags', 'byte')).toBe(1);
  });

  test('types that contain or refer to themselves', () => {
    const round = new Btf(
      encodeBtf([
        { kind: 'typedef', name: 'a', type: 1 },
        { kind: 'struct', name: 'b', members: [{ name: 'x', type: 1, bits: 0 }] },
        { kind: 'struct', name: 'c', members: [{ name: '', type: 3, bits: 0 }] },
        { kind: 'struct', name: 'd', members: [{ name: 'y', type: 99, bits: 0 }] },
      ]),
    );
    expect(() => round.offset('b', 'x.y')).toThrow(BpfError);
    expect(() => round.offset('c', 'y')).toThrow(BpfError);
    expect(() => round.offset('d', 'y.x')).toThrow(/refers to type 99/);
  });

  test.each(kernels)('%s, cut off at any byte: an error that says so, or all that was asked for', kernel => {
    const bytes = bytesOf(kernel);
    const whole = new Btf(bytes).offset('sock', '__sk_common.skc_daddr');
    for (let length = 0; length < bytes.length; length++) {
      expect(() => new Btf(bytes.subarray(0, length)).offset('sock', '__sk_common.skc_daddr')).toThrow(
        BpfError,
      );
    }
    expect(whole).toBeGreaterThanOrEqual(0);
  });

  test.each(kernels)('%s, with any word changed: no other error than BpfError', kernel => {
    const bytes = bytesOf(kernel);
    for (let at = 0; at + 4 <= bytes.length; at += 4) {
      for (const value of [0, 0xffff_ffff, 0x8400_0001]) {
        const damaged = Buffer.from(bytes);
        damaged.writeUInt32LE(value, at);
        try {
          new Btf(damaged).offset('audit_context', 'stamp.ctime.tv_sec');
        } catch (error) {
          expect(error).toBeInstanceOf(BpfError);
        }
      }
    }
  });

  test('what is no BTF', () => {
    expect(() => new Btf(Buffer.from('#!/bin/sh\necho this is a program\n'))).toThrow(/magic number/);
    expect(() => new Btf(Buffer.alloc(0))).toThrow(BpfError);
  });
});

import { writeFileSync } from 'node:fs';

const EHDR_BYTES = 64;
const PHDR_BYTES = 56;
const BASE = 0x400000n;

/** Of elf.h, with the code of a program that ends at once, and of one that waits for a signal. */
const MACHINES: Readonly<Record<string, { readonly machine: number; ends: string; waits: string }>> = {
  x64: {
    machine: 62,
    // mov eax, 60; xor edi, edi; syscall
    ends: 'b83c00000031ff0f05',
    // again: mov eax, 34 (pause); syscall; jmp again
    waits: 'b8220000000f05ebf7',
  },
  arm64: {
    machine: 183,
    // mov x8, 93; mov x0, 0; svc 0
    ends: 'a80b80d2000080d2010000d4',
    // again: mov x0 to x4, 0; mov x8, 73 (ppoll); svc 0; b again
    waits: '000080d2010080d2020080d2030080d2040080d2280980d2010000d4f9ffff17',
  },
};

/**
 * Writes a program that ends at once, or waits until it is killed: without libraries an exec takes a third of what /bin/true takes, so that a host of two CPUs
 * can run thousands a second and do something else besides.
 */
export const writeSmallestProgram = (path: string, what: 'ends' | 'waits' = 'ends'): void => {
  const found = MACHINES[process.arch];
  if (found === undefined)
    throw new Error(`expected a processor of ${Object.keys(MACHINES).join(', ')}; this is ${process.arch}`);
  const code = Buffer.from(found[what], 'hex');
  const start = EHDR_BYTES + PHDR_BYTES;
  const file = Buffer.alloc(start + code.length);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // ELF, 64 bits, little endian, version 1
  file.writeUInt16LE(2, 16); // ET_EXEC
  file.writeUInt16LE(found.machine, 18);
  file.writeUInt32LE(1, 20); // EV_CURRENT
  file.writeBigUInt64LE(BASE + BigInt(start), 24); // e_entry
  file.writeBigUInt64LE(BigInt(EHDR_BYTES), 32); // e_phoff
  file.writeUInt16LE(EHDR_BYTES, 52); // e_ehsize
  file.writeUInt16LE(PHDR_BYTES, 54); // e_phentsize
  file.writeUInt16LE(1, 56); // e_phnum
  file.writeUInt32LE(1, EHDR_BYTES); // PT_LOAD
  file.writeUInt32LE(5, EHDR_BYTES + 4); // PF_R | PF_X
  file.writeBigUInt64LE(BASE, EHDR_BYTES + 16); // p_vaddr
  file.writeBigUInt64LE(BASE, EHDR_BYTES + 24); // p_paddr
  file.writeBigUInt64LE(BigInt(file.length), EHDR_BYTES + 32); // p_filesz
  file.writeBigUInt64LE(BigInt(file.length), EHDR_BYTES + 40); // p_memsz
  file.writeBigUInt64LE(0x1000n, EHDR_BYTES + 48); // p_align
  file.set(code, start);
  writeFileSync(path, file, { mode: 0o755 });
};

/**
 * Writes src/audit/architectures/calls/*.ts from the kernel's own headers: node … src/build/write-syscall-tables.ts
 * DIR
 *
 * DIR holds Debian's packages linux-libc-dev-{amd64,i386,x32,arm64,armhf,ppc64el,s390x,riscv64,mips64el}-cross,
 * unpacked with dpkg -x. From 403 on, numbers are the same on all architectures, except for MIPS's offsets. Calls
 * that are newer than the headers, up to Linux 6.18, are in NEWER, as in scripts/syscall.tbl of the kernel's sources.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Source {
  readonly name: string;
  /** Directory below usr/ in the packages. */
  readonly target: string;
  readonly header: string;
  readonly more?: readonly (readonly [number, string])[];
  readonly defines?: readonly string[];
}

/** Numbers that are specific to one architecture. */
const RISCV: readonly (readonly [number, string])[] = [
  [258, 'riscv_hwprobe'],
  [259, 'riscv_flush_icache'],
];

const SOURCES: readonly Source[] = [
  { name: 'x86_64', target: 'x86_64-linux-gnu', header: 'asm/unistd_64.h' },
  { name: 'i386', target: 'i686-linux-gnu', header: 'asm/unistd_32.h' },
  {
    name: 'x32',
    target: 'x86_64-linux-gnux32',
    header: 'asm/unistd_x32.h',
    defines: ['-D__X32_SYSCALL_BIT=0'],
  },
  { name: 'arm', target: 'arm-linux-gnueabihf', header: 'asm/unistd.h', defines: ['-D__ARM_EABI__'] },
  { name: 'ppc', target: 'powerpc64le-linux-gnu', header: 'asm/unistd_32.h' },
  { name: 'ppc64', target: 'powerpc64le-linux-gnu', header: 'asm/unistd_64.h' },
  { name: 's390', target: 's390x-linux-gnu', header: 'asm/unistd_32.h' },
  { name: 's390x', target: 's390x-linux-gnu', header: 'asm/unistd_64.h' },
  // The generic numbers, which riscv64 and loongarch64 use too.
  { name: 'generic', target: 'aarch64-linux-gnu', header: 'asm/unistd.h', more: RISCV },
  { name: 'mips_o32', target: 'mips64el-linux-gnuabi64', header: 'asm/unistd_o32.h' },
  { name: 'mips_n64', target: 'mips64el-linux-gnuabi64', header: 'asm/unistd_n64.h' },
  { name: 'mips_n32', target: 'mips64el-linux-gnuabi64', header: 'asm/unistd_n32.h' },
];

/** From 451 on. */
const NEWER = [
  'cachestat',
  'fchmodat2',
  'map_shadow_stack',
  'futex_wake',
  'futex_wait',
  'futex_requeue',
  'statmount',
  'listmount',
  'lsm_get_self_attr',
  'lsm_set_self_attr',
  'lsm_list_modules',
  'mseal',
  'setxattrat',
  'getxattrat',
  'listxattrat',
  'removexattrat',
  'open_tree_attr',
  'file_getattr',
  'file_setattr',
];
const FIRST_NEWER = 451;

const read = (packages: string, scratch: string, source: Source): ReadonlyMap<number, string> => {
  const include = join(packages, 'usr', source.target, 'include');
  const cpp = (file: string, ...more: string[]): string =>
    execFileSync(
      'cpp',
      [
        '-nostdinc',
        '-undef',
        '-P',
        ...more,
        '-D__NR_Linux=0',
        ...(source.defines ?? []),
        '-I',
        include,
        file,
      ],
      {
        encoding: 'utf8',
      },
    );
  const file = join(scratch, `${source.name}.c`);
  writeFileSync(file, `#include <${source.header}>\n`);
  const names = [...cpp(file, '-dM').matchAll(/^#define __NR_([a-z_0-9]+) /gm)]
    .map(([, name]) => name!)
    .filter(name => !['syscalls', 'arch_specific_syscall', 'syscall_mask'].includes(name));
  writeFileSync(
    file,
    `#include <${source.header}>\n${names.map(name => `@ "${name}" __NR_${name}`).join('\n')}\n`,
  );
  const numbers = new Map<number, string>(source.more);
  for (const [, name, sum] of cpp(file).matchAll(/^@ "([a-z_0-9]+)" ([()0-9+ ]+)$/gm)) {
    const number = [...sum!.matchAll(/\d+/g)].reduce((total, [digits]) => total + Number(digits), 0);
    const known = numbers.get(number);
    // One call has two names: take the one in the kernel's table.
    if (known === undefined || known.startsWith('arm_') || known.length > name!.length)
      numbers.set(number, name!);
  }
  NEWER.forEach((name, index) => {
    if (!numbers.has(FIRST_NEWER + index)) numbers.set(FIRST_NEWER + index, name);
  });
  return numbers;
};

const WIDTH = 110;

const textOf = (numbers: ReadonlyMap<number, string>): string => {
  const lines: string[] = [];
  let line = '';
  let next = -1;
  const put = (word: string): void => {
    if (line.length + word.length + 1 > WIDTH) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? `  ${word}` : ` ${word}`;
  };
  for (const [number, name] of [...numbers].sort(([a], [b]) => a - b)) {
    if (number !== next) put(String(number));
    put(name);
    next = number + 1;
  }
  return [...lines, line].join('\n');
};

const [packages] = process.argv.slice(2);
if (packages === undefined) throw new Error('expected the directory with the unpacked packages');
const scratch = mkdtempSync(join(tmpdir(), 'syscall-tables-'));
try {
  for (const source of SOURCES) {
    const numbers = read(packages, scratch, source);
    const target = new URL(`../audit/architectures/calls/${source.name}.ts`, import.meta.url);
    writeFileSync(
      target,
      `/** Written by src/build/write-syscall-tables.ts. A number is that of the name behind it; each further name has the next. */
export default \`
${textOf(numbers)}\n\`;\n`,
    );
    process.stdout.write(`${source.name}: ${numbers.size} system calls\n`);
  }
} finally {
  rmSync(scratch, { recursive: true });
}

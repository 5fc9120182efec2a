import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { BESIDE_OTHERS, MemoryPressure, unchangedMappings } from '../../src/runtime/memory.ts';
import { unless, whyNotLinux, whyNotRoot } from '../unless.ts';

const smaps = `55d0c0a00000-55d0c0b00000 r--p 00000000 fe:00 123                        /opt/a b.ext
Size:               1024 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
55d0c0b00000-55d0c4b00000 r-xp 00100000 fe:00 123                        /opt/a b.ext
Anonymous:             0 kB
55d0c4b00000-55d0c4c00000 r--p 04100000 fe:00 123                        /opt/a b.ext
Anonymous:            12 kB
55d0c4c00000-55d0c4d00000 rw-p 04200000 fe:00 123                        /opt/a b.ext
Anonymous:             0 kB
7f0000000000-7f0000001000 r-xp 00000000 fe:00 9                          /usr/lib/libc.so.6
Anonymous:             0 kB
7f0000001000-7f0000002000 rw-p 00000000 00:00 0
Anonymous:             0 kB
`;

const lineOf = (start: string) => smaps.split('\n').find(line => line.startsWith(start));

describe('unchangedMappings', () => {
  it('are those of the file that are read only, and have no page of their own', () => {
    expect(unchangedMappings(smaps, '/opt/a b.ext')).toEqual([
      { line: lineOf('55d0c0a00000'), start: 0x55d0c0a00000n, length: 0x100000n },
      { line: lineOf('55d0c0b00000'), start: 0x55d0c0b00000n, length: 0x4000000n },
    ]);
    expect(unchangedMappings(smaps, '/opt/other')).toEqual([]);
    expect(unchangedMappings('', '/opt/a b.ext')).toEqual([]);
  });
});

describe('releaseProgramPages', unless(whyNotLinux), () => {
  it('leaves a program that goes on, with less memory', () => {
    const script = `
      import { readFileSync } from 'node:fs';
      import { releaseProgramPages } from './src/runtime/memory.ts';
      const pages = () => Number(/^RssFile:\\s+(\\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
      const before = pages();
      const done = releaseProgramPages();
      const after = pages();
      const isDoneAgain = releaseProgramPages();
      const work = JSON.stringify(Array.from({ length: 1000 }, (_, i) => new Date(i).toISOString())).length;
      console.log(JSON.stringify({ done, shrunk: after < before, isDoneAgain, work }));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: new URL('../..', import.meta.url),
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({ done: true, shrunk: true, isDoneAgain: true, work: 27_001 });
  });

  it('does nothing where there is no procfs', unless(whyNotRoot), () => {
    const script =
      "import { releaseProgramPages } from './src/runtime/memory.ts'; console.log(releaseProgramPages());";
    const start = 'mount -t tmpfs none /proc && exec "$@"';
    const node = [process.execPath, '--input-type=module', '-e', script];
    const { stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', start, 'sh', ...node], {
      cwd: new URL('../..', import.meta.url),
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(stdout).toBe('false\n');
  });
});

it('memory is saved from a size on, and until there is clearly less', () => {
  const said: (boolean | 'trim')[] = [];
  const pressure = new MemoryPressure(
    { saveHeap: isSaving => said.push(isSaving), trim: () => said.push('trim') },
    BESIDE_OTHERS,
  );
  for (const megabytes of [80, 105, 109]) pressure.look(megabytes * 1e6);
  expect(said).toEqual([]);
  for (const megabytes of [111, 105, 130]) pressure.look(megabytes * 1e6);
  expect(said).toEqual([true, 'trim']);
  for (const megabytes of [99, 105]) pressure.look(megabytes * 1e6);
  expect(said).toEqual([true, 'trim', false]);
});

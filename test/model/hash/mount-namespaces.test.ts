import { describe, expect, it } from 'vitest';
import { MAX_NAMESPACES, MountNamespaces } from '../../../src/model/hash/mount-namespaces.ts';
import type { ProcDirectory } from '../../../src/model/procfs/reader.ts';

interface Process {
  readonly mount: number;
  readonly user?: number;
  readonly root?: string;
  readonly mountinfo: string;
}

const HOST: Process = {
  mount: 1,
  mountinfo: `21 1 254:0 / / rw - ext4 /dev/root rw
30 21 0:40 / /var/lib/docker/overlay2/ab/merged rw - overlay overlay rw
`,
};
const inside = (device: string, more = '') => `90 1 ${device} / / rw - overlay overlay rw\n${more}`;

const setUp = (processes: ReadonlyMap<number, Process>) => {
  const time = { now: 0 };
  const reads: ProcDirectory[] = [];
  const of = (pid: ProcDirectory) => (pid === 'self' ? HOST : processes.get(pid as number));
  const procfs = {
    pids: () => [...processes.keys()],
    link: (pid: ProcDirectory, name: string) => {
      const process = of(pid);
      if (process === undefined) return undefined;
      if (name === 'root') return process.root ?? '/';
      return name === 'ns/mnt' ? `mnt:[${process.mount}]` : `user:[${process.user ?? 1}]`;
    },
    readList: (pid: ProcDirectory) => {
      reads.push(pid);
      const process = of(pid);
      return process && Buffer.from(process.mountinfo);
    },
    path: (pid: ProcDirectory, name: string) => `/proc/${pid}/${name}`,
  };
  const namespaces = new MountNamespaces(procfs, () => time.now);
  const ways = (device: string, path: string) => [...namespaces.waysTo(device, path)].map(way => way.path);
  return { time, reads, ways };
};

describe('MountNamespaces', () => {
  it('leads through processes of the namespace that has the file system at that path', () => {
    const { ways } = setUp(
      new Map([
        [1, HOST],
        [50, { mount: 5, mountinfo: inside('0:50') }],
        [51, { mount: 5, mountinfo: inside('0:50') }],
        [60, { mount: 6, mountinfo: inside('0:60', '91 90 0:50 / /shared rw - overlay overlay rw\n') }],
      ]),
    );
    expect(ways('0:50', '/bin/true')).toEqual(['/proc/50/root/bin/true', '/proc/51/root/bin/true']);
    expect(ways('0:50', '/shared/true')).toEqual([
      '/proc/50/root/shared/true',
      '/proc/51/root/shared/true',
      '/proc/60/root/shared/true',
    ]);
    expect(ways('0:77', '/bin/true')).toEqual([]);
  });

  it('knows another root directory in the same namespace', () => {
    const { ways } = setUp(
      new Map([
        [1, HOST],
        [50, { mount: 1, root: '/srv/chroot', mountinfo: '40 21 8:1 / / rw - ext4 /dev/sda1 rw\n' }],
      ]),
    );
    expect(ways('8:1', '/bin/true')).toEqual(['/proc/50/root/bin/true']);
  });

  it('leads where the host has a root directory mounted whose processes have all ended', () => {
    const { ways } = setUp(new Map([[1, HOST]]));
    expect(ways('0:40', '/bin/true')).toEqual(['/var/lib/docker/overlay2/ab/merged/bin/true']);
  });

  it('leads through nothing that a user has mounted', () => {
    const { ways, reads } = setUp(
      new Map([
        [50, { mount: 5, user: 2, mountinfo: inside('8:1') }],
        [60, { mount: 6, mountinfo: inside('0:60', '91 90 0:61 / /usr rw - fuse.x x rw\n') }],
        [
          70,
          {
            mount: 7,
            mountinfo: inside(
              '0:60',
              '91 90 0:61 / /usr rw - fuse.x x rw\n92 91 8:1 / /usr/bin rw - ext4 x rw\n',
            ),
          },
        ],
      ]),
    );
    expect(ways('8:1', '/usr/bin/true')).toEqual([]);
    expect(ways('0:61', '/usr/bin/true')).toEqual([]);
    expect(reads).not.toContain(50);
  });

  it('searches anew for what it does not know, now and then', () => {
    const processes = new Map([[1, HOST]]);
    const { ways, reads, time } = setUp(processes);
    expect(ways('0:50', '/bin/true')).toEqual([]);
    processes.set(50, { mount: 5, mountinfo: inside('0:50') });
    expect(ways('0:50', '/bin/true')).toEqual([]);
    time.now = 60;
    expect(ways('0:50', '/bin/true')).toEqual(['/proc/50/root/bin/true']);
    const before = reads.length;
    time.now = 4_000;
    // The host has had that file: it was deleted, most likely.
    expect(ways('254:0', '/tmp/conftest')).toEqual([]);
    expect(reads).toHaveLength(before);
  });

  it('bounds what it reads of 10,000 namespaces', () => {
    const processes = new Map<number, Process>();
    for (let pid = 1; pid <= 10_000; pid++) {
      processes.set(pid, { mount: 10 + pid, mountinfo: inside(`0:${pid}`) });
    }
    const { ways, reads } = setUp(processes);
    expect(ways('0:7', '/bin/true')).toEqual(['/proc/7/root/bin/true']);
    expect(reads.length).toBeLessThanOrEqual(MAX_NAMESPACES + 1);
    expect(ways('0:9999', '/bin/true')).toEqual([]);
  });

  it('is not led astray by what is no mountinfo', () => {
    const { ways } = setUp(
      new Map([
        [50, { mount: 5, mountinfo: '' }],
        [60, { mount: 6, mountinfo: '\0\xff 1 2\n90 1 0:50 / /' }],
      ]),
    );
    expect(ways('0:50', '/bin/true')).toEqual([]);
  });
});

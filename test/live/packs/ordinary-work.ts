import { isThere } from './behaviours.ts';

/** Work that no detection is to report. It runs in bash as another login user than the behaviours. */
export interface Work {
  readonly name: string;
  readonly script: string;
  readonly programs: readonly string[];
}

const CONTAINER =
  '--rm --runtime runc --cgroup-manager cgroupfs --network none --ulimit nofile=1024:1024 --ulimit nproc=1000:1000';

/** `$W` is a directory for it. */
export const ordinaryWork: readonly Work[] = [
  {
    name: 'a build',
    programs: ['make', 'gcc'],
    script: `mkdir $W/build; cd $W/build
      for i in 1 2 3; do echo "int part$i(int n) { return n + $i; }" > part$i.c; grep -q return part$i.c; sed -i 's/ *$//' part$i.c; done
      echo 'int part1(int); int main(void) { return part1(-1); }' > main.c
      printf 'all: main.o part1.o part2.o part3.o\\n\\t$(CC) -o all $^\\n\\t./all\\n' > Makefile
      uname -m > info; date >> info; id -un >> info
      make -s; tar -czf ../build.tar.gz .; sha256sum ../build.tar.gz > /dev/null`,
  },
  {
    name: 'the installation and removal of a package with a cron job, a profile and a maintainer script',
    programs: ['dpkg', 'dpkg-deb'],
    script: `cd $W; mkdir -p p/DEBIAN p/etc/cron.d p/etc/profile.d p/usr/share/pack-test
      printf 'Package: pack-test\\nVersion: 1\\nArchitecture: all\\nMaintainer: Nobody <nobody@example.org>\\nDescription: For a test\\n' > p/DEBIAN/control
      printf '#!/bin/sh\\nset -e\\nif [ "$1" = configure ]; then ldconfig; chmod 644 /usr/share/pack-test/file; getent passwd root > /dev/null; fi\\n' > p/DEBIAN/postinst
      chmod 755 p/DEBIAN/postinst; echo '# nothing' > p/etc/cron.d/pack-test; echo '# nothing' > p/etc/profile.d/pack-test.sh; echo x > p/usr/share/pack-test/file
      dpkg-deb -b p p.deb > /dev/null
      flock -w 20 /var/lib/dpkg/lock-frontend true
      dpkg -i p.deb > /dev/null && dpkg -P pack-test > /dev/null`,
  },
  {
    name: 'a cron job',
    programs: ['run-parts'],
    // As cron runs the line of /etc/crontab.
    script: `mkdir $W/hourly; printf '#!/bin/sh\\nfind /var/log -name "*.gz" -mtime +9000\\ntar -cf - -C /etc cron.d 2>/dev/null | gzip > /dev/null\\n' > $W/hourly/job; chmod 755 $W/hourly/job
      sh -c "cd / && run-parts --report $W/hourly"`,
  },
  {
    name: 'monitoring',
    programs: ['curl', 'ps', 'df'],
    script:
      'sh -c "ps -eo pid,comm > /dev/null; df -P / > /dev/null"; curl -s http://127.0.0.1:$PORT/ > /dev/null',
  },
  {
    name: 'the start of a container',
    programs: ['podman', 'runc', 'busybox'],
    script: `cd $W; mkdir -p image/bin; cp "$(command -v busybox)" image/bin/; ln -s busybox image/bin/sh
      tar -C image -c . | podman import -q - localhost/pack-test:1 > /dev/null
      podman run ${CONTAINER} localhost/pack-test:1 /bin/sh -c 'busybox ls / > /dev/null'; podman rmi -f localhost/pack-test:1 > /dev/null`,
  },
];

export const whyNoWork = ({ programs }: Work): string | undefined => {
  const lacking = programs.filter(program => !isThere(program));
  return lacking.length === 0 ? undefined : `it needs ${lacking.join(', ')}`;
};

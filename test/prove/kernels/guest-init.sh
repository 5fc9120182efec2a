#!/bin/sh
# Follows guest-boot.sh as the first process of the machine: mounts what a host has, runs the tests, writes what came of them
# to the third disk, and switches the machine off. It stays until then, because orphans are its own to wait for.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TMPDIR=/tmp
mountpoint -q /proc || mount -t proc proc /proc
mountpoint -q /sys || mount -t sysfs sysfs /sys
mountpoint -q /dev || mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mountpoint -q /run || mount -t tmpfs -o mode=755 tmpfs /run
mount -t securityfs securityfs /sys/kernel/security
mount -t cgroup2 cgroup2 /sys/fs/cgroup
[ -d /sys/kernel/tracing ] && mount -t tracefs tracefs /sys/kernel/tracing
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
ip link set lo up
hostname guest
mkdir /results
# A server that is older than audit: where the kernel is not booted with audit=1, audit never sees it.
perl -MSocket -e 'socket(my $l, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
  bind($l, pack_sockaddr_in(7077, INADDR_LOOPBACK)) or die "bind: $!"; listen($l, 5) or die "listen: $!";
  while (accept(my $c, $l)) { close $c }' &
export UNAUDITED_SERVER="$! 7077"
cd /project/tree
export OSQUERY_AUDIT_EVENTS_EXT=/project/osquery-audit-events.ext
{ sh /project/run.sh 2>&1; echo "$?" >/results/status; } | tee /results/output.txt >/dev/console &
wait $!
uname -r >/results/release
dmesg >/results/dmesg.txt
tar cf /dev/vdc -C /results .
sync
echo "the machine is switched off"
busybox poweroff -f

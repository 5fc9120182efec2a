#!/bin/bash
# Ordinary work of a Debian server for a minute and a half, for record-ordinary-work.ts: builds, installations, cron jobs, logins by
# ssh, containers, monitoring. As root, in a directory of its own ($1), which stays behind. It starts sshd on loopback and cron
# itself, and ends them.
set -u
cd "$1" || exit 1
export LC_ALL=C HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
APT="apt-get -y -q -o DPkg::Lock::Timeout=60 -o Dpkg::Use-Pty=0"

monitoring() {
  while sleep 8; do
    sh -c 'ps -eo pid,comm,rss > /dev/null; df -P / > /dev/null; cat /proc/loadavg > /dev/null; ss -ltn > /dev/null'
    curl -s http://127.0.0.1:8080/ > /dev/null
    python3 -c 'import os, json; print(json.dumps(os.getloadavg()))' > /dev/null
  done
}

build() {
  rm -rf shop && git init -q shop && cd shop || return
  for i in $(seq 24); do
    echo "int part$i(int n) { return n + $i; }" > "part$i.c"
    if ! grep -q "part$i" part.h 2>/dev/null; then echo "int part$i(int);" >> part.h; fi
    sed -i 's/ *$//' "part$i.c"
  done
  { echo '#include "part.h"'; echo 'int main(void) { return part1(-1); }'; } > main.c
  printf 'OBJECTS = $(patsubst %%.c,%%.o,$(wildcard *.c))\nshop: $(OBJECTS)\n\t$(CC) -o $@ $^\ncheck: shop\n\t./shop\nclean:\n\trm -f shop *.o\n' > Makefile
  git add . && git -c user.name=builder -c user.email=builder@example.org commit -q -m "Parts"
  uname -m > build.info; hostname >> build.info; id -un >> build.info; date >> build.info
  make -s -j2 check
  tar -czf ../shop.tar.gz --exclude .git .
  sha256sum ../shop.tar.gz | cut -d' ' -f1 > ../shop.sha256
  make -s clean
  cd ..
}

install_packages() {
  $APT install --no-install-recommends sl tree logrotate
  $APT purge sl tree
  dpkg -l | awk '/^ii/ { print $2 }' | sort | head -n 5
}

# As root and as an ordinary user, with keys. $2 is a command.
login() {
  ssh -F none -i key -p 2222 -o StrictHostKeyChecking=no -o UserKnownHostsFile=known_hosts -o LogLevel=ERROR "$1@127.0.0.1" "${@:2}"
}

logins() {
  for i in 1 2; do
    login postgres 'ls -l /var/lib/postgresql; df -h /; tail -n 1 /etc/debian_version'
    login postgres -tt 'bash -lc "ps; who; git --version"'
    login root 'grep -c processor /proc/cpuinfo; ls /etc/cron.d; sudo -u postgres ls /var/lib/postgresql'
    scp -q -F none -i key -P 2222 -o StrictHostKeyChecking=no -o UserKnownHostsFile=known_hosts shop.tar.gz postgres@127.0.0.1:/var/lib/postgresql/
    sleep 3
  done
}

containers() {
  local root; root=$(mktemp -d image.XXXX)
  mkdir -p "$root/bin" "$root/etc"
  cp /bin/busybox "$root/bin/"
  for name in sh ls sleep wget httpd nc; do ln -s busybox "$root/bin/$name"; done
  echo 'root:x:0:0:root:/:/bin/sh' > "$root/etc/passwd"
  tar -C "$root" -c . | podman import -q - localhost/shop:1
  for i in 1 2; do
    podman run --rm --runtime runc --cgroup-manager cgroupfs --network none --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 \
      --name "shop$i" localhost/shop:1 /bin/sh -c 'ls /; sleep 1; ls /bin'
  done
  podman rmi -f localhost/shop:1
}

ssh-keygen -q -t ed25519 -N '' -f key
ssh-keygen -q -t ed25519 -N '' -f host_key
chmod 755 .; cp key.pub authorized_keys; chmod 644 authorized_keys
mkdir -p /run/sshd
cat > sshd_config <<CONFIG
Port 2222
ListenAddress 127.0.0.1
HostKey $PWD/host_key
AuthorizedKeysFile $PWD/authorized_keys
StrictModes no
UsePAM yes
PidFile none
Subsystem sftp internal-sftp
CONFIG
/usr/sbin/sshd -D -f "$PWD/sshd_config" & SSHD=$!
printf '* * * * * root cd / && run-parts --report /etc/cron.hourly; tar -cf - -C /etc cron.d | gzip > %s/backup.tar.gz\n' "$PWD" > /etc/cron.d/shop
/usr/sbin/cron -f & CRON=$!
python3 -m http.server 8080 > http.log 2>&1 & HTTP=$!
monitoring & MONITORING=$!

build
logins & LOGINS=$!
install_packages
containers
build
wait $LOGINS
# Until cron has had its minute.
until [ -e backup.tar.gz ]; do sleep 1; done
sh -c 'test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }'
rm /etc/cron.d/shop
kill $SSHD $CRON $HTTP $MONITORING
$APT purge logrotate > /dev/null
wait

#!/bin/sh
# The first process of the machine. All that may change from run to run is on the second disk.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mountpoint -q /dev || mount -t devtmpfs devtmpfs /dev
mount -t ext4 /dev/vdb /project
exec /bin/sh /project/init.sh

#!/bin/sh
# PID 1 of a node. Mounts the node's own view of the machine, says so on stdout, and then waits
# until stdin ends: with the test process gone, the node and everything in it is gone too.
#
#   node_init.sh STATE NAME HOMES SHARES...
#
# STATE   directory on the lab's tmpfs that survives a reboot: upper/ work/ homes/ clock boot_id dmi/
# HOMES   "own" = empty /root and /home of its own; "host" = the machine's, copy on write
# SHARES  directories of the machine that must stay visible under private /tmp, /run; :ro for read-only
set -eu
read -r pid _ < /proc/self/stat   # still the machine's /proc: the pid outside
state=$1 name=$2 homes=$3
shift 3

mount --make-rprivate /
n=0
for share in "$@"; do
    n=$((n + 1))
    mkdir -p "$state/shares/$n"
    mount --bind "${share%:ro}" "$state/shares/$n"
done

overlay() {
    mkdir -p "$state/upper$1" "$state/work$1"
    mount -t overlay overlay -o "lowerdir=$1,upperdir=$state/upper$1,workdir=$state/work$1" "$1"
}
overlay /usr   # first: /etc/ld.so.preload names a library in it
overlay /etc
overlay /var
if [ "$homes" = own ]; then
    mkdir -p "$state/homes/root" "$state/homes/home"
    chmod 0700 "$state/homes/root"
    mount --bind "$state/homes/root" /root
    mount --bind "$state/homes/home" /home
else
    overlay /root
    overlay /home
fi

mount -t proc proc /proc
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
mount --bind "$state/boot_id" /proc/sys/kernel/random/boot_id
mount -t sysfs -o ro sysfs /sys
if [ -d "$state/dmi" ]; then
    mkdir -p "$state/sys"
    mount -t overlay overlay -o "lowerdir=$state/dmi:/sys/class" /sys/class
fi

mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p /run/lock /run/sshd
chmod 1777 /run/lock
if [ -e "$state/clock" ]; then
    : > /run/fakeclock
    mount --bind "$state/clock" /run/fakeclock
fi
cd "$state"   # stays reachable from here when /tmp is covered
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts /dev/pts
mount --bind /dev/pts/ptmx /dev/ptmx
mount -t tmpfs -o mode=1777 tmpfs /tmp
n=0
for share in "$@"; do
    n=$((n + 1))
    path=${share%:ro}
    mkdir -p "$path"
    mount --no-canonicalize --bind "shares/$n" "$path"
    [ "$path" = "$share" ] || mount -o remount,bind,ro "$path"
done
cd /

hostname "$name"
echo "$pid"
# Not `exec`: the shell stays to reap what daemons leave behind.
cat > /dev/null

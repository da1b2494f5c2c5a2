#!/bin/sh
# The lab's vmware-toolbox-cmd: words and exit codes of open-vm-tools 12 (toolbox/toolboxcmd-time.c,
# toolboxcmd-config.c). The option lives in the VMX on a real host, hence not in any file of /etc.
synctime=/var/lib/vmware/synctime
conf=/etc/vmware-tools/tools.conf

usage() {
    echo "vmware-toolbox-cmd: $1" >&2
    echo "Try 'vmware-toolbox-cmd help' for more information." >&2
    exit 64
}

case ${1-} in
-v | --version)
    echo "12.2.0.41219 (build-21223074)"
    exit 0
    ;;
'') usage "Missing command" ;;
esac
if ! grep -q VMware /sys/class/dmi/id/sys_vendor; then
    echo "vmware-toolbox-cmd must be run inside a virtual machine." >&2
    exit 1
fi
case "$1 ${2-}" in
"timesync status")
    [ -e $synctime ] && { echo Enabled; exit 0; }
    echo Disabled
    exit 69
    ;;
"timesync enable") : > $synctime && echo Enabled ;;
"timesync disable") rm -f $synctime && echo Disabled ;;
"timesync ") usage "Missing subcommand" ;;
"config get")
    [ $# -ge 4 ] || usage "Missing config key"
    [ -r $conf ] || { echo "[$3] $4 UNSET"; exit 69; }
    value=$(sed -n "/^\[$3\]/I,/^\[/{s/^$4[[:space:]]*=[[:space:]]*//p}" $conf | tail -n 1)
    if [ -n "$value" ]; then echo "[$3] $4 = $value"; else echo "[$3] $4 UNSET"; fi
    ;;
"config set")
    [ $# -ge 5 ] || usage "Missing config value"
    printf '[%s]\n%s=%s\n' "$3" "$4" "$5" >> $conf
    ;;
timesync* | config*) usage "Unknown subcommand '${2-}'" ;;
*) usage "Unknown command '$1'" ;;
esac

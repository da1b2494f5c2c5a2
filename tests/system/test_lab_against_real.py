"""The lab's tools and shell against Debian 12's own: same words, same output, same status."""

import subprocess

import pytest

from cutover_tui.lab.machine.systems import ALPINE
from tests.lab.bench import Bench

pytestmark = pytest.mark.system


@pytest.fixture
def bench() -> Bench:
    return Bench()


REAL = [
    "date -u -d @1 '+%Y-%m-%d %H:%M:%S %s %N %3N %-d %e|%j %F %T %%'",
    "date -u -d '2026-03-01 10:11:12' -R",
    "date -u -d '2026-03-01 10:11:12' -Iseconds",
    "date -u -d '2026-03-01 10:11:12' -Ins",
    "date -u -d @1795348800",
    "date --foo",
    "date -Z",
    "date foo",
    "date -s",
    "cat /nosuch /etc",
    "cat -x",
    "cat --foo",
    "ls /nosuch",
    "ls --foo",
    "busctl call a.b /c",
    "busctl --foo",
    "ip -Q addr",
    "ip addr foo",
    "ip foo",
    "uname -x",
    "uname foo",
    "uname -s -m -o",
    "id nosuch",
    "id -u",
    "id --foo",
    "env -x",
    "env nosuch",
    "env A=1 nosuch",
    "sleep",
    "sleep x",
    "sleep 0",
    "systemctl --root=/ is-active x",
    "systemctl foo",
    "systemctl --foo",
    "systemctl is-active",
    "timedatectl --foo",
    "systemd-detect-virt --foo",
    "dpkg-query",
    "dpkg-query --foo",
    "dpkg-query -W nosuchpackage",
    "dpkg-query -s nosuchpackage",
    "apt-get foo",
    "apt-get --foo",
    "chronyc -v",
    "chronyc -z",
    "chronyc --foo",
    "chronyc foo",
    "chronyc tracking",
    "chronyc -c sources",
    "timeout",
    "timeout x",
    "timeout -k",
    "timeout --foo 1 true",
    "timeout x true",
    "timeout 1 nosuch",
    "timeout 5 echo a",
    "timeout -k 1 0.2 sleep 3",
    "mkdir",
    "mkdir /tmp",
    "mkdir /nosuch/a",
    "mkdir --foo",
    "mkdir -m 99 /tmp/q",
    "rm",
    "rm /nosuch",
    "rm -rf /nosuch",
    "rm /tmp",
    "rm --foo",
    "rm -Z",
    "od --foo",
    "od /nosuch -tx1",
    "od -An -v -tx1 -N4 /etc/debian_version",
    "od -tx1 -N2 /etc/debian_version",
    "od -An -tx1 /etc",
    "stat",
    "stat --foo",
    "stat -c '%n %Y %U' /nosuch",
    "stat -c '%n %U %G %a %F' /etc/debian_version /tmp",
    "find /nosuch",
    "find /tmp -foo",
    "find /tmp -maxdepth 0",
    "find /tmp /nosuch -maxdepth 0 -type d",
    "find /etc/debian_version -exec echo x {} ';'",
    "find /etc/debian_version -exec echo x {} +",
    "find /etc/debian_version -exec nosuch {} ';'",
    "find /etc/debian_version '(' -name a",
    "find /etc/debian_version ')'",
    "find /etc/debian_version -name",
    "find /etc/debian_version -exec echo",
    "find /etc/debian_version -mmin -5",
    "find /etc/debian_version ! -name '*[!a-z]*'",
    "find /etc/debian_version ! -name '*[!a-z_]*'",
    "find /etc/debian_version -name a -o -name 'deb*'",
    "find /dev/null -path /dev/null",
    "grep",
    "grep x /nosuch",
    "grep -rhs x /nosuch",
    "grep -h VERSION_ID= /etc/os-release",
    "grep -h zzz /etc/debian_version",
    "grep --foo",
    "install --foo",
    "install",
    "klist -V",
    "klist --foo",
    "klist -Z",
    "klist -k /nosuch",
    "klist -c /nosuch",
    "klist -s -c /nosuch",
    "kinit -Z",
    "kinit --foo",
    "kvno",
    "kvno -Z",
    "ps -o nosuch",
    "ps --foo",
]


@pytest.mark.parametrize("line", REAL)
def test_as_the_real_tool(bench, line):
    if line.startswith("chronyc"):
        bench.root("apt-get -y install chrony; systemctl stop chrony")
    if line.startswith("k"):
        bench.root("apt-get -y install krb5-user")
    real = subprocess.run(
        ["sh", "-c", line],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
    )
    ours = bench.root(f"export LC_ALL=C.UTF-8\n{line} </dev/null")
    assert (ours.rc, ours.out, ours.err) == (real.returncode, real.stdout, real.stderr)


SAME = [
    "sh -c 'echo \"$0|$1|$2|$#\"' name a 'b c'",
    'sh -c \'printf "%s\\n" "$1"\' sh x',
    "echo \"[$1]\" '$1'",
    "echo a b   c",
    "echo 'a  b' \"c  d\" e\\ f",
    'echo "a\\"b" \'$HOME\' "\\$x"',
    "X=5; echo $X \"$X\" ${X}y '$X'",
    "X='a  b'; echo $X \"$X\"",
    "true; echo $?; false; echo $?",
    "false || echo or; true && echo and; false && echo never; echo end",
    "echo out; echo err >&2",
    "echo gone >/dev/null; echo gone 2>/dev/null >&2; echo kept 2>/dev/null",
    "echo swap 2>&1 >&2",
    "printf '\\n%s %s\\n' TOKEN $?",
    "printf '\\n%s\\n' TOKEN >&2",
    "printf '%s-' a b c; echo",
    "# only a comment\necho x # and one behind",
    "echo 'two\nlines'",
    "echo a \\\n b",
    'export A=1; export A; echo $A; unset A; echo "[$A]"',
    "cat /dev/null; cat </dev/null; echo $?",
    "exit 3",
    "false; exit",
    "sh -c 'echo inner; exit 4'; echo $?",
    "exec echo replaced; echo never",
    "test 1 = 1; echo $?; [ a != a ]; echo $?; test -e /nosuch; echo $?",
    "nosuchtool; echo $?",
    "./nosuch; echo $?",
    "cat </nosuch/x; echo $?",
    "echo a >/nosuch/b; echo $?",
    "cd /nosuch; echo $?",
    "test 1 -eq 1; echo $?; test 2 -lt 1; echo $?",
    "id -u 2>/dev/null >/dev/null; echo $?",
    "echo; echo ''; echo \"\"",
    "A=1 B=2; echo $A$B",
    "echo a;echo b&&echo c",
]
SHELLS = {"sh": ["dash"], "bash": ["bash", "--noprofile", "--norc"]}


@pytest.mark.parametrize("flavour", ["sh", "bash"])
@pytest.mark.parametrize("script", SAME)
def test_as_the_real_shell(bench, script, flavour):
    argv = SHELLS[flavour]
    real = subprocess.run(argv, input=script + "\n", capture_output=True, text=True, check=False, cwd="/")
    ours = bench.run(script, flavour=flavour)
    name = "dash" if flavour == "sh" else "bash"
    ours_err = ours.err.replace("sh: ", f"{name}: ") if flavour == "sh" else ours.err
    assert (ours.rc, ours.out, ours_err) == (real.returncode, real.stdout, real.stderr)


BUSYBOX = [
    "nosuch",
    "./nosuch",
    "cd /nosuch; echo $?",
    "cat </nosuch; echo $?",
    "echo x >/nosuch/y; echo $?",
    'echo "$0"; X=5; echo ${X}y',
    "exit x",
    "echo 'a",
    "&& x",
    "cat <",
    "false || echo or; true && echo and",
    "busybox cat /nosuch",
    "busybox ls /nosuch",
    "busybox ls -ar /nosuch",
    "busybox cat /nosuch /dev/null",
]


@pytest.mark.parametrize("script", BUSYBOX)
def test_as_the_real_busybox(bench, script):
    bench.guest.system = ALPINE
    real = subprocess.run(
        ["busybox", "sh"], input=script + "\n", capture_output=True, text=True, check=False, cwd="/"
    )
    ours = bench.run(script.removeprefix("busybox "), flavour="ash")
    assert (ours.rc, ours.out, ours.err) == (real.returncode, real.stdout, real.stderr)

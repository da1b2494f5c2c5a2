"""What the lab's shell takes and refuses; tests/system holds it against dash and bash."""

import pytest


@pytest.mark.parametrize(
    ("script", "err"),
    [
        ("echo a | cat", 'sh: 1: Syntax error: "|" unexpected\n'),
        ("echo $(id)", 'sh: 1: Syntax error: "(" unexpected\n'),
        ("if true", 'sh: 1: Syntax error: "if" unexpected\n'),
        ("echo a &", 'sh: 1: Syntax error: "&" unexpected\n'),
        ("cat <", "sh: 1: Syntax error: newline unexpected\n"),
        ("&& x", 'sh: 1: Syntax error: "&&" unexpected\n'),
        ("echo ${X:-y}", "sh: 1: Syntax error: Bad substitution\n"),
    ],
)
def test_what_is_no_simple_command_is_a_syntax_error_and_the_shell_goes_on(bench, script, err):
    ran = bench.run(f"{script}\necho $?")
    assert (ran.out, ran.err) == ("2\n", err)


def test_only_bash_has_epochrealtime(bench):
    assert bench.run("echo [$EPOCHREALTIME]").out == "[]\n"
    bench.guest.clock = bench.guest.clock.stepped(bench.now, 1_234_567_891)
    assert bench.run("echo T1 $EPOCHREALTIME", flavour="bash").out == "T1 1795348801.234567\n"


def test_sudo_without_a_password(bench):
    assert bench.run("sudo -n id -u").out == "0\n"
    assert bench.run("sudo -n sh\nid -u\nexit 7\necho $?; id -u").out == "0\n7\n1000\n"
    refused = bench.run("sudo -n id", user="plain")
    assert (refused.rc, refused.err) == (1, "sudo: a password is required\n")
    assert bench.run("sudo -n nosuch").err == "sudo: nosuch: command not found\n"


def test_files_are_written_by_root_only(bench):
    assert (
        bench.run("echo x > /etc/chrony.d").err == "sh: 1: cannot create /etc/chrony.d: Permission denied\n"
    )
    bench.root("echo x > /etc/new; echo y >> /etc/new")
    assert bench.run("cat /etc/new").out == "x\ny\n"
    assert bench.run("cat /etc/ssh/ssh_host_ed25519_key").err.endswith(": Permission denied\n")

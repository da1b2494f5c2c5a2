from hypothesis import given
from hypothesis import strategies as st

from cutover_tui.lab.machine.clocks import MAX_SLEW_PPB, PPB, SimClock

NS = st.integers(-(10**15), 10**15)
TIME = st.integers(0, 10**18)
SPAN = st.integers(0, 10**14)
RATE = st.integers(-(10**8), 10**8)


@given(TIME, NS, RATE, SPAN)
def test_offset_is_start_plus_rate_times_elapsed(start, offset, rate, span):
    clock = SimClock.wrong_by(start, offset, rate)
    expected = offset + span * rate / PPB
    assert abs(clock.offset(start + span) - expected) <= max(1, abs(expected) * 1e-12)


@given(TIME, NS, RATE, SPAN, SPAN, st.integers(-(10**10), 10**10))
def test_cutting_a_line_in_two_changes_nothing_but_rounding(start, offset, rate, first, second, slew):
    clock = SimClock.wrong_by(start, offset, rate).slewed(start, slew)
    whole = clock.read(start + first + second)
    cut = clock.at(start + first)
    assert abs(cut.read(start + first + second) - whole) <= 2


@given(TIME, st.integers(-(10**10), 10**10).filter(bool), SPAN)
def test_a_slew_never_goes_faster_than_its_limit_and_ends_exactly(start, amount, span):
    clock = SimClock.wrong_by(start, 0).slewed(start, amount)
    assert abs(clock.offset(start + span)) <= min(abs(amount), span * MAX_SLEW_PPB // PPB)
    long_enough = abs(amount) * PPB // MAX_SLEW_PPB + 1000
    assert clock.offset(start + long_enough) == amount


def test_a_step_is_at_once_and_drops_the_slew():
    clock = SimClock.wrong_by(0, 5 * PPB).slewed(0, -PPB).stepped(10**9, 3)
    assert clock.slewing(10**9) == 0
    assert clock.offset(10**9) == 5 * PPB - MAX_SLEW_PPB + 3
    assert clock.set_to(2 * 10**9, 7).read(2 * 10**9) == 7


def test_the_kernel_corrects_no_more_than_ten_percent():
    assert SimClock.wrong_by(0, 0).corrected(0, -500_000_000).correction_ppb == -100_000_000

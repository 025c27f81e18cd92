"""What wrk prints is read exactly, and what makes a figure worthless is named."""

import pytest

from benchmarks.cases import NOT_FOUND, TYPED_GET
from benchmarks.load import Load, LoadFailed, parse

LINE = (
    "BENCH requests=450000 duration_us=5000000 connect=0 read=0 write=0 timeout=0 status=0 p50_us=640 p99_us=1510"
    " wrong=0"
)
OUTPUT = f"""Running 5s test @ http://127.0.0.1:20001/items/42
  1 threads and 64 connections
  Latency Distribution
     50%  640.00us
Requests/sec:  90000.00
{LINE}
"""


def test_reads_the_scripts_line_out_of_wrks_own_words() -> None:
    load = parse(OUTPUT)

    assert load.per_second == pytest.approx(90_000)
    assert (load.p50_ms, load.p99_ms) == (0.64, 1.51)
    assert load.faults(TYPED_GET) == ()


@pytest.mark.parametrize("output", ["", "unable to connect to 127.0.0.1:20001", "BENCH requests=1"])
def test_output_without_the_whole_line_is_an_error(output: str) -> None:
    with pytest.raises(LoadFailed, match="has no"):
        parse(output)


@pytest.mark.parametrize("name", ["connect", "read", "write", "timeout"])
def test_each_socket_error_is_a_fault(name: str) -> None:
    load = parse(OUTPUT.replace(f"{name}=0", f"{name}=3"))

    assert load.faults(TYPED_GET) == (f"3 {name} errors",)


def test_a_single_refusal_spoils_a_case_that_wants_200() -> None:
    load = parse(OUTPUT.replace("status=0", "status=1"))

    assert load.faults(TYPED_GET) == ("1 of 450000 answers had a status of 400 or above, 0 wanted",)


def test_the_404_case_wants_nothing_but_refusals() -> None:
    assert parse(OUTPUT.replace("status=0", "status=450000")).faults(NOT_FOUND) == ()
    assert parse(OUTPUT).faults(NOT_FOUND) != ()


def test_no_request_at_all_is_a_fault_and_no_division_by_zero() -> None:
    load = Load(requests=0, seconds=0.0, p50_ms=0.0, p99_ms=0.0)

    assert load.per_second == 0.0
    assert load.faults(TYPED_GET) == ("no request was answered",)

"""The latency histogram: log-linear, four buckets to a power of two of microseconds.

The shape is that of HdrHistogram with two significant bits: a bucket is at most a quarter as wide as its lower bound,
so that a bound is off by up to 25 % and a midpoint by up to 12.5 %; below 8 µs it is exact. Every power of two is a
bound, which is what Prometheus gets to see. 105 cells a series reach 134 s; three significant bits would have taken
201 for half the error, and a latency known to an eighth decides nothing that one known to a quarter does not.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from math import ceil, inf

from stanchion.board.layout import BUCKETS

_LAST = BUCKETS - 1
_TOP = 1 << 27


def bucket_of(microseconds: int) -> int:
    """The bucket of a duration of whole microseconds, none negative."""
    if microseconds < 4:
        return microseconds
    if microseconds >= _TOP:
        return _LAST
    shift = microseconds.bit_length() - 3
    return 4 * shift + (microseconds >> shift)


def lower_bound(bucket: int) -> int:
    """The shortest duration in a bucket, in microseconds."""
    shift, quarter = divmod(bucket, 4)
    return bucket if shift < 1 else (4 + quarter) << (shift - 1)


def upper_bound(bucket: int) -> float:
    """The duration in microseconds from which on the next bucket counts; infinite for the last one."""
    return inf if bucket == _LAST else lower_bound(bucket + 1)


def quantile(counts: Sequence[int], q: float) -> float | None:
    """The duration in microseconds below or at which a share `q` of those counted lies, from 0 to 1.

    The middle of the bucket it falls into: within 12.5 %, exact below 8 µs; 2^27 in the last bucket, which has no
    middle. None if nothing was counted.
    """
    cumulative = list(accumulate(counts))
    if not cumulative or not cumulative[-1]:
        return None
    rank = max(1, ceil(q * cumulative[-1]))
    bucket = bisect_left(cumulative, rank)
    low = lower_bound(bucket)
    return float(low) if bucket == _LAST else (low + lower_bound(bucket + 1) - 1) / 2

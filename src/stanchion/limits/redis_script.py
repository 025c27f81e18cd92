"""The algorithms once more, in Lua, for Redis and Valkey: all checks of a batch in one call, decided one after another.

Times are in microseconds by the server's clock, so that hosts need not agree on theirs, and are kept as whole numbers:
an interval below one is rounded up. Checks and answers travel packed, as one argument and one reply, since a client
library spends more on an argument than the server on a check. A state is read and written once a batch and key.
"""

from collections.abc import Sequence
from hashlib import sha1

import msgspec

from stanchion.errors import ConfigurationError
from stanchion.limits.decision import Decision, Rule
from stanchion.limits.gcra import Gcra
from stanchion.limits.sliding_window import SlidingWindow

SHARE = 16
"""A lease is at most this part of what is left: the blocks shrink near the limit, and other workers find some too."""

_US = 1000  # nanoseconds of a microsecond
_GCRA, _WINDOW = 1, 2
_FIELDS = 5

Check = bytes
"""Packed: algorithm, interval or window, burst or count, cost, patience, and the most to lease beyond the cost."""

SCRIPT = """\
local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local floor, max, min = math.floor, math.max, math.min
local known, changed, out = {}, {}, {}

local function answer(granted, remaining, retry_after, reset, delay)
  local n = #out
  out[n + 1], out[n + 2], out[n + 3], out[n + 4], out[n + 5] = granted, remaining, retry_after, reset, delay
end

local function gcra(key, interval, burst, cost, patience, lease)
  local arrival = max(now, known[key] or tonumber(redis.call('GET', key) or 0))
  if cost < 0 then -- given back
    known[key] = max(now, arrival + interval * cost)
    changed[key] = {string.format('%.0f', known[key]), known[key]}
    return answer(0, 0, 0, 0, 0)
  end
  local moved = arrival + interval * cost
  local early = moved - now - interval * burst
  if early > patience then
    known[key] = arrival
    return answer(0, max(0, floor((now + interval * burst - arrival) / interval)), early, arrival - now, 0)
  end
  local remaining = max(0, floor(-early / interval))
  local extra = min(lease, floor(remaining / SHARE))
  moved = moved + interval * extra
  known[key] = moved
  changed[key] = {string.format('%.0f', moved), moved}
  answer(1 + extra, remaining - extra, 0, moved - now, max(0, early))
end

local function window(key, width, count, cost)
  local number, elapsed = floor(now / width), now % width
  local state = known[key]
  if not state then
    local n, present, past = string.match(redis.call('GET', key) or '0 0 0', '(%d+) (%d+) (%d+)')
    state = {tonumber(n), tonumber(present), tonumber(past)}
  end
  if state[1] ~= number then
    state = {number, 0, state[1] == number - 1 and state[2] or 0}
  end
  known[key] = state
  local present, past = state[2], state[3]
  local free = count - present - past * (width - elapsed) / width
  if cost > free then
    local wait
    if present + cost <= count then
      wait = width - floor((count - present - cost) * width / past) - elapsed
    else
      wait = width - elapsed + width - floor((count - cost) * width / present)
    end
    local reset = present > 0 and 2 * width - elapsed or width - elapsed
    return answer(0, max(0, floor(free)), wait, reset, 0)
  end
  state[2] = present + cost
  local text = string.format('%d %d %d', number, state[2], past)
  changed[key] = {text, now - elapsed + 2 * width}
  answer(1, floor(free - cost), 0, 2 * width - elapsed, 0)
end

for i, check in ipairs(cmsgpack.unpack(ARGV[1])) do
  local kind, width, most, cost, patience, lease = unpack(check)
  if kind == 1 then
    gcra(KEYS[i], width, most, cost, patience, lease)
  else
    window(KEYS[i], width, most, cost)
  end
end
for key, new in pairs(changed) do
  redis.call('SET', key, new[1], 'PX', floor((new[2] - now) / 1000) + 1)
end
return cmsgpack.pack(out)
""".replace("SHARE", str(SHARE))

DIGEST = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
"""By which a server that has the script knows it."""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[int]).decode


def pack(checks: Sequence[Check]) -> bytes:
    """The checks of a call as one array (MessagePack's specification, "array format family")."""
    count = len(checks)
    head = bytes((0x90 | count,)) if count < 16 else b"\xdc" + count.to_bytes(2, "big")
    return head + b"".join(checks)


def check_of(rule: Rule, cost: int, patience: int = 0, lease: int = 0) -> Check:
    """What the script is told of a request; `patience` in nanoseconds. A negative cost gives so much back."""
    cost = min(cost, rule.most)
    if isinstance(rule, Gcra):
        return _pack((_GCRA, -(-rule.interval // _US), rule.burst, cost, patience // _US, lease))
    if isinstance(rule, SlidingWindow):
        return _pack((_WINDOW, rule.window // _US, rule.count, cost, 0, 0))
    raise ConfigurationError(f"{rule!r} has no counterpart in Redis; use mode='gcra' or 'window'")


class Grant(Decision, frozen=True, gc=False):
    """A decision by the script, with the tokens that were leased beyond the cost."""

    leased: int = 0


def grants(reply: bytes, count: int) -> Sequence[Grant]:
    """The script's answers to `count` checks.

    Raises:
        ValueError: it is no such answer.
    """
    numbers = _unpack(reply) if count else []
    if len(numbers) != count * _FIELDS:
        raise ValueError(f"{count} checks were answered with {len(numbers)} numbers")
    return [
        Grant(granted > 0, remaining, retry * _US, reset * _US, delay * _US, max(0, granted - 1))
        for granted, remaining, retry, reset, delay in zip(*[iter(numbers)] * _FIELDS, strict=True)
    ]

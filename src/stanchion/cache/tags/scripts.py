"""The fleet's table in Redis or Valkey, and the two scripts that change it.

It is one string with eight bytes for each cell, the most significant first, so that reading it whole is one GET of
128 KiB. A number is the server's time in microseconds, or one more than the last where that is higher: none comes
twice, not even when the server has lost the table.

A change is told on the channel of the table's name: `cell number mark`, several separated by commas. An empty message
tells that the table was made anew.
"""

import sys
from array import array
from collections.abc import Iterable

from stanchion.cache.redis_calls import Script
from stanchion.cache.tags.replica import Change

RAISE = Script("""\
-- the number of cells, the least that is not to be given again, then cells and marks; nil where there is no table
local name = KEYS[1]
if redis.call('STRLEN', name) ~= ARGV[1] * 8 then
  return false
end
local time = redis.call('TIME')
local now = math.max(time[1] * 1000000 + time[2], ARGV[2] + 1)
local numbers, told = {}, {}
for i = 3, #ARGV, 2 do
  local at = ARGV[i] * 8
  local last = struct.unpack('>I8', redis.call('GETRANGE', name, at, at + 7))
  local number = math.max(now, last + 1)
  redis.call('SETRANGE', name, at, struct.pack('>I8', number))
  numbers[#numbers + 1] = string.format('%.0f', number)
  told[#told + 1] = string.format('%d %.0f %s', ARGV[i], number, ARGV[i + 1])
end
redis.call('PUBLISH', name, table.concat(told, ','))
return numbers
""")

MERGE = Script("""\
-- the number of cells, and the numbers that a host knows, 0 for none; the table afterwards
local name, count = KEYS[1], tonumber(ARGV[1])
local before = redis.call('GET', name)
local lost = not before or #before ~= count * 8
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local after, told = {}, {}
for i = 0, count - 1 do
  local here = struct.unpack('>I8', ARGV[2], i * 8 + 1)
  local there = lost and 0 or struct.unpack('>I8', before, i * 8 + 1)
  local number = math.max(here, there)
  if number == 0 then
    number = now
  end
  after[i + 1] = struct.pack('>I8', number)
  if here > there then
    told[#told + 1] = string.format('%d %.0f 0', i, number)
  end
end
if lost or #told > 0 then
  redis.call('SET', name, table.concat(after))
  redis.call('PUBLISH', name, lost and '' or table.concat(told, ','))
end
return redis.call('GET', name)
""")


def packed(numbers: Iterable[int]) -> bytes:
    """A table as the server has it."""
    cells = array("Q", numbers)
    if sys.byteorder == "little":
        cells.byteswap()
    return cells.tobytes()


def unpacked(raw: bytes | None, count: int) -> "array[int] | None":
    """The numbers of a table; None where it is none of `count` cells."""
    if raw is None or len(raw) != 8 * count:
        return None
    cells = array("Q", raw)
    if sys.byteorder == "little":
        cells.byteswap()
    return cells


def changes(message: bytes) -> list[Change]:
    """What a message tells; nothing where it says that the table is new.

    Raises:
        ValueError: it is no such message.
    """
    told = []
    for part in message.split(b",") if message else ():
        cell, number, mark = part.split(b" ")
        told.append((int(cell), int(number), int(mark)))
    return told

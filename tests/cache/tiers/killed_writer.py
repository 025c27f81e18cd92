"""Writes to the tier in the directory given until it is killed; a line for its start."""

import sys
from random import Random

from stanchion.cache.tiers.machine import Machine

if __name__ == "__main__":
    machine = Machine(sys.argv[1], int(sys.argv[2]))
    random = Random(int(sys.argv[3]))
    print("begun", flush=True)
    while True:
        key = b"%d" % random.randrange(200)
        machine.put(key, key + bytes([len(key)]) * random.choice((10, 1000, 5000, 60_000)), 60)

"""Ten million derived UIDs: none twice. `python -m tests.bench.collisions [MILLIONS]`.

Each UID is the 128 bits that `Keys.uid` writes in decimal; they are kept as 16 bytes each and
sorted, so that ten million take 160 MB.
"""

import sys
import time

import numpy as np

from sharing.deid.keys import Keys, new_secret


def main(millions: float = 10) -> int:
    """Derive, sort, count equal neighbours; how many there were."""
    count = int(millions * 1_000_000)
    keys, began = Keys(new_secret()), time.perf_counter()
    digests = bytearray(count * 16)
    for number in range(count):
        original = f"1.2.840.113619.2.55.3.2831164355.{number >> 9}.{number}"
        digests[number * 16 : number * 16 + 16] = keys.digest("uid", original)[:16]
    seconds = time.perf_counter() - began
    halves = np.frombuffer(digests, dtype=[("high", ">u8"), ("low", ">u8")])
    ordered = np.sort(halves)
    equal = int((ordered[1:] == ordered[:-1]).sum())
    print(
        f"{count:,} UIDs in {seconds:.0f} s ({count / seconds:,.0f} a second): {equal} collisions"
    )
    return equal


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:2])) > 0)

"""Holds memory and ends by itself: `python -I -S memory.py SECONDS megabytes=N`.

Every page is written again and again: memory that is only asked for costs nobody anything.
"""

import sys
import time

PAGE = 4096
MEGABYTE = 1 << 20
REST_S = 0.05  # between two megabytes once all is held: it is memory that is to be short, not the CPU


def hold(seconds: float, megabytes: int) -> None:
    """Take the memory, a megabyte at a time, say so, and keep it in use until the time is over."""
    end = time.monotonic() + seconds
    held: list[bytearray] = []
    while len(held) < megabytes and time.monotonic() < end:
        held.append(bytearray(b"\1") * MEGABYTE)
    print(f"memory: {len(held)} megabytes held", flush=True)
    turn = 0
    while time.monotonic() < end:
        for at in range(0, MEGABYTE, PAGE):
            held[turn % len(held)][at] = turn & 0xFF
        turn += 1
        time.sleep(REST_S)


if __name__ == "__main__":
    hold(float(sys.argv[1]), int(dict(word.split("=") for word in sys.argv[2:])["megabytes"]))

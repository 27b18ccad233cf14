"""Burns one CPU and ends by itself, also when everybody else is dead: `python -I -S cpu.py SECONDS`."""

import sys
import time


def burn(seconds: float) -> None:
    """Keep one CPU busy until the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(i * i for i in range(20_000))


if __name__ == "__main__":
    burn(float(sys.argv[1]))

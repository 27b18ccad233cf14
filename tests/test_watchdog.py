"""What the watchdog does in the moments in which its harness dies."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rollback import journal, watchdog
from rollback.journal import Owner

DYING_FOR_S = 0.3
ASKS = f"import pathlib; pathlib.Path('/proc/self/oom_score_adj').write_text({watchdog.NOT_ME!r})"


def test_it_tidies_up_when_the_dying_one_cannot_write_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process's files are closed before it is dead: the pipe tells first."""
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "state"))
    (control, its_files), (ready, said) = os.pipe(), os.pipe()
    with subprocess.Popen(["/bin/sleep", "60"]) as dying:
        half_written = journal.home() / "open" / f".x.json.{dying.pid}"
        half_written.touch()
        owner = Owner(pid=dying.pid, started=journal.started_ticks(dying.pid) or 0, boot=journal.boot_id())
        watching = threading.Thread(target=watchdog.watch, args=(owner, control, said))
        watching.start()
        assert os.read(ready, 1) == b"1"
        os.close(its_files)
        time.sleep(DYING_FOR_S)
        dying.kill()
        watching.join()
    for descriptor in (control, ready):
        os.close(descriptor)
    assert not half_written.exists()


def test_the_kernel_is_asked_to_take_the_harness_when_memory_runs_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "state"))
    permitted = subprocess.run([sys.executable, "-c", ASKS], check=False, capture_output=True).returncode == 0
    before = Path("/proc/self/oom_score_adj").read_text()
    started = watchdog.Watchdog(journal.myself())
    try:
        said = Path(f"/proc/{started._process.pid}/oom_score_adj").read_text()
        assert said == (f"{watchdog.NOT_ME}\n" if permitted else before)
    finally:
        started.close()
    assert Path("/proc/self/oom_score_adj").read_text() == before

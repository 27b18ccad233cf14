"""What drills would do, as a table: whom each would hurt, how that is undone, and whether the door would let it."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.words import duration, many, plain

LATER = "as things stand now: earlier steps of the experiment may change whom it hurts"


def show(plans: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print the plans of a session, one block for each drill, however often it would be repeated."""
    times = {plan["drill"]: sum(other["drill"] == plan["drill"] for other in plans) for plan in plans}
    one_each = list({plan["drill"]: plan for plan in plans}.values())
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, show_lines=False, padding=(0, 1, 1, 0))
    for title in ("drill\nexperiment\nobjective", "would hurt", "undone by", "the door"):
        table.add_column(title, overflow="fold")
    for plan in one_each:
        _rows(table, plan, times[plan["drill"]])
    console.print(table)
    refused = sum(any(one.get("refused") for one in plan.get("injections", ())) for plan in one_each)
    unable = sum("unable" in plan for plan in one_each)
    says = f"{many(len(one_each), 'drill')} planned: {refused} would be refused, {unable} beyond this target"
    console.print(Text(f"{says}; nothing was injected", style="bold"))


def _rows(table: Table, plan: Mapping[str, Any], times: int) -> None:
    if "unable" in plan:
        table.add_row(_who(plan, times), "-", "-", Text(f"skipped: {plain(plan['unable'], 300)}", style="yellow"))
        return
    for at, injection in enumerate(plan["injections"]):
        who = Text("") if at else _who(plan, times)
        table.add_row(who, _victims(injection), plain(injection.get("undo", "-"), 200), _door(injection))


def _who(plan: Mapping[str, Any], times: int) -> Text:
    name = plain(plan["drill"]) + (f", {times} times" if times > 1 else "")
    told = Text.assemble((name, "bold"), f"\n{plain(plan['experiment'])}")
    if "rto_s" in plan:
        held = " and ".join(map(plain, [plan["component"], *plan["also"]]))
        told.append(f"\n{held}: RTO {duration(plan['rto_s'])}, RPO {duration(plan['rpo_s'])}, {plan['severity']}")
    if plan.get("spares"):
        told.append(f"\nspares {', '.join(map(plain, plan['spares']))}")
    return told


def _victims(injection: Mapping[str, Any]) -> Text:
    told = Text(f"{plain(injection['fault'])}")
    for victim in injection.get("victims", ()):
        more = ", ".join(plain(victim[key]) for key in ("role", "zone") if victim[key])
        told.append(f"\n{plain(victim['name'])}" + (f" ({more})" if more else ""))
    if "problem" in injection:
        told.append(f"\nnot known yet: {plain(injection['problem'], 300)}", style="yellow")
    if injection["note"]:
        told.append(f"\n({injection['note']})", style="dim")
    return told


def _door(injection: Mapping[str, Any]) -> Text:
    if "problem" in injection:
        return Text("not known yet")
    refused = injection["refused"]
    return Text("refuses: " + "; ".join(plain(why, 300) for why in refused), style="red") if refused else Text("opens")

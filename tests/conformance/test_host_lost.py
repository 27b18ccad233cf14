"""A host that is lost stays lost: what came back on it while it is silent would act upon what it cannot hear."""

import time

from experiments import faults
from tests.conformance import tried
from tests.conformance.whole import Whole

LOST_S = 4.0  # a sentinel that is restarted in it has had its second and more to think the master dead


def test_sentinels_of_lost_hosts_do_not_come_back_to_depose_a_master(whole: Whole) -> None:
    """The residue detector tells of a failover that nobody needed."""
    lab, fault, plan = whole.lab, faults.load("crash"), tried.planned("crash", whole.lab)
    fault.inject(lab, plan)
    time.sleep(LOST_S)
    stayed = set(plan["victims"]) <= set(lab.down())
    fault.heal(lab, plan)
    assert stayed

"""Many photos: which goes with which mask, all of them restored on many processes or machines, and a report."""

from facemend.batch.plan import Item, Plan, plan_batch
from facemend.batch.records import Row
from facemend.batch.report import Summary
from facemend.batch.run import run_batch

__all__ = ["Item", "Plan", "Row", "Summary", "plan_batch", "run_batch"]

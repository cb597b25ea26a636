"""One account held against the register: its list gone through, what looks wrong read once more.

workflow   list → compare → read the suspects → finish
schedule   once a day
"""

from workflows.reconciliation.schedule import daily
from workflows.reconciliation.workflow import ReconciliationWorkflow

__all__ = ["ReconciliationWorkflow", "daily"]

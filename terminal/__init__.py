"""How invoices look on a terminal: the tables of the command line and of the demonstration.

Whatever a provider or a caller wrote goes through `plain`: no control character and no markup of
theirs reaches a terminal.
"""

from __future__ import annotations

from terminal.asking import answers as answers
from terminal.asking import choices as choices
from terminal.asking import to_be_answered as to_be_answered
from terminal.asking import trouble as trouble
from terminal.board import Board as Board
from terminal.drawing import INSTALLED as INSTALLED
from terminal.drawing import interactive as interactive
from terminal.drawing import plain as plain
from terminal.drawing import program as program
from terminal.drawing import screen as screen
from terminal.events import event_facts as event_facts
from terminal.events import events_table as events_table
from terminal.invoices import FELL_THROUGH as FELL_THROUGH
from terminal.invoices import facts as facts
from terminal.invoices import history as history
from terminal.invoices import listing as listing
from terminal.invoices import rests as rests
from terminal.invoices import waits_for_person as waits_for_person
from terminal.orders import deliveries as deliveries
from terminal.orders import ledger as ledger
from terminal.orders import order_facts as order_facts
from terminal.tables import compared as compared
from terminal.tables import findings as findings
from terminal.tables import grid as grid
from terminal.tables import outcomes as outcomes
from terminal.tables import previewed as previewed
from terminal.tables import previews as previews

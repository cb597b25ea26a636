"""A Temporal server in virtual time that drives the real workflow code, without a socket.

`Server` plays the server and its workers; who plays activities, people and time is the caller's.
"""

from simulation.engine.activities import Pending
from simulation.engine.model import (
    ActivityCall,
    AlreadyStarted,
    Attempt,
    Conflict,
    Counters,
    EngineError,
    Faults,
    LimitExceeded,
    Limits,
    NotFound,
    QueryFailed,
    Reuse,
    Status,
    TooLarge,
    Violation,
)
from simulation.engine.run import Run, Update
from simulation.engine.server import Server

__all__ = [
    "ActivityCall",
    "AlreadyStarted",
    "Attempt",
    "Conflict",
    "Counters",
    "EngineError",
    "Faults",
    "LimitExceeded",
    "Limits",
    "NotFound",
    "Pending",
    "QueryFailed",
    "Reuse",
    "Run",
    "Server",
    "Status",
    "TooLarge",
    "Update",
    "Violation",
]

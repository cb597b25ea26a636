"""The simulated server does what the real one does."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ApplicationError
from temporalio.workflow import ChildWorkflowCancellationType, ParentClosePolicy

from invoicing.temporal.converter import data_converter
from simulation.engine import (
    ActivityCall,
    AlreadyStarted,
    Attempt,
    Faults,
    LimitExceeded,
    Limits,
    NotFound,
    QueryFailed,
    Run,
    Server,
    TooLarge,
)
from simulation.engine.converter import ByReference, Table
from tests.simulation import stories
from tests.simulation.stories import WORD, Box, Job, Loose, Order, Weight

LONG = timedelta(days=30)


def served(seed: int = 1, *, answer: Any = "done", **settings: Any) -> Server:
    """A server whose activities all go well."""
    server = Server(random.Random(seed), stories.ALL, **settings)
    for name in ("work", "play"):
        server.activity(name, lambda argument, call: Attempt(result=answer))
    return server


def seconds(span: float) -> timedelta:
    return timedelta(seconds=span)


def finished(server: Server, id: str = "a", within: timedelta = LONG) -> Run:  # noqa: A002
    """The last run of a workflow that has ended for good."""
    over = {"completed", "failed", "canceled", "terminated"}
    assert server.run_until(
        lambda: bool(server.runs(id)) and server.runs(id)[-1].status in over,
        at_most=server.now + within,
    )
    assert not server.violations
    return server.runs(id)[-1]


def lived(server: Server, workflow: str, arg: Any, id: str = "a") -> Run:  # noqa: A002
    server.start(workflow, arg, id=id)
    return finished(server, id)


def passed(server: Server, span: float) -> None:
    server.run_until(lambda: False, at_most=server.now + seconds(span))


class Attempts:
    """Plays an activity by a list of what happens, the last of it for ever; keeps who called."""

    def __init__(self, *attempts: Attempt) -> None:
        self._attempts = list(attempts)
        self.calls: list[ActivityCall] = []
        self.inputs: list[Any] = []

    def __call__(self, argument: Any, call: ActivityCall) -> Attempt:
        self.calls.append(call)
        self.inputs.append(argument)
        return self._attempts.pop(0) if len(self._attempts) > 1 else self._attempts[0]

    @property
    def begun(self) -> list[datetime]:
        return [call.started for call in self.calls]

    def join(self, server: Server) -> Attempts:
        server.activity("work", self, takes=Box)
        return self


class Even(random.Random):
    """No two delays differ, so that everything falls together."""

    def random(self) -> float:
        return 0.5


LATER = ApplicationError("later", type="Unavailable")


class TestTime:
    def test_a_timer_fires_when_it_is_due_and_no_clock_has_to_run(self) -> None:
        run = lived(served(), "Sleeps", Loose(numbers=[60, 86400]))
        first, second, third = run.result
        assert seconds(60) <= second - first < seconds(61)
        assert seconds(86400) <= third - second < seconds(86401)

    def test_every_workflow_task_is_later_than_the_one_before(self) -> None:
        server = Server(Even(1), stories.ALL)
        for each in range(20):
            server.start("Sleeps", Loose(numbers=[1, 1, 1]), id=str(each))
        passed(server, 60)
        tasks = [
            task.moment.nanoseconds
            for each in range(20)
            for run in server.runs(str(each))
            for task in run.tasks
        ]
        assert len(tasks) == 80
        assert len(set(tasks)) == 80

    def test_what_is_arranged_happens_then_and_in_the_order_of_asking(self) -> None:
        server, seen = served(), list[str]()
        server.after(seconds(2), lambda: seen.append(f"b {server.now.second}"))
        server.at(server.now + seconds(1), lambda: seen.append(f"a {server.now.second}"))
        server.after(seconds(2), lambda: seen.append("c"))
        assert server.run_until(lambda: len(seen) == 3, at_most=server.now + seconds(9))
        assert seen == ["a 1", "b 2", "c"]

    def test_time_that_nothing_happens_in_passes_too(self) -> None:
        server = served()
        until = server.now + LONG
        assert not server.run_until(lambda: False, at_most=until)
        assert server.now == until

    def test_whoever_watches_is_called_after_each_task_and_each_effect(self) -> None:
        server, looks = served(), list[int]()
        server.on_step.append(lambda: looks.append(server.counters.tasks))
        lived(server, "Works", Job())
        # Task, attempt, report, task.
        assert looks == [1, 1, 1, 2]


class TestActivities:
    def test_an_activity_gets_its_input_and_gives_its_result(self) -> None:
        server = served()
        work = Attempts(Attempt(result="well done")).join(server)
        assert lived(server, "Works", Job()).result == "well done"
        assert work.inputs == [Box(number=1)]
        (call,) = work.calls
        assert (call.name, call.workflow_id, call.attempt, call.queue) == ("work", "a", 1, "bench")
        assert call.within == seconds(10)

    def test_a_failed_attempt_is_repeated_with_a_growing_pause(self) -> None:
        server = served()
        failed = Attempt(after=timedelta(), failure=LATER)
        work = Attempts(failed, failed, failed, Attempt(result="at last")).join(server)
        assert lived(server, "Works", Job(first=10)).result == "at last"
        begun = work.begun
        pauses = [(b - a).total_seconds() for a, b in itertools.pairwise(begun)]
        assert pauses == pytest.approx([10, 20, 40], abs=0.5)
        assert [call.attempt for call in work.calls] == [1, 2, 3, 4]

    def test_the_pause_is_the_one_that_the_failure_asks_for(self) -> None:
        server = served()
        wait = ApplicationError("later", next_retry_delay=seconds(777))
        work = Attempts(Attempt(failure=wait), Attempt(result="yes")).join(server)
        assert lived(server, "Works", Job()).result == "yes"
        assert (work.begun[1] - work.begun[0]).total_seconds() == pytest.approx(777, abs=1)

    @pytest.mark.parametrize(
        ("job", "failure", "attempts", "said"),
        [
            (Job(attempts=3), LATER, 3, "Unavailable: later MAXIMUM_ATTEMPTS_REACHED"),
            (Job(never_again=("Unavailable",)), LATER, 1, "later NON_RETRYABLE_FAILURE"),
            (
                Job(),
                ApplicationError("no", type="Rejected", non_retryable=True),
                1,
                "Rejected: no NON_RETRYABLE_FAILURE",
            ),
            (Job(schedule_to_close=20, first=8), LATER, 2, "Unavailable: later TIMEOUT"),
            (Job(attempts=1), ValueError("odd"), 1, "ValueError: odd MAXIMUM_ATTEMPTS_REACHED"),
        ],
        ids=["attempts", "type", "non retryable", "schedule to close", "any error"],
    )
    def test_a_failure_is_reported_once_no_attempt_is_left(
        self, job: Job, failure: Exception, attempts: int, said: str
    ) -> None:
        server = served()
        work = Attempts(Attempt(failure=failure)).join(server)
        assert said in lived(server, "Works", job).result
        assert len(work.calls) == attempts

    def test_a_lost_attempt_is_noticed_at_its_time_out_and_repeated(self) -> None:
        server = served()
        work = Attempts(Attempt(lost=True), Attempt(result="again")).join(server)
        assert lived(server, "Works", Job()).result == "again"
        assert (work.begun[1] - work.begun[0]).total_seconds() == pytest.approx(11, abs=1)

    def test_a_report_that_comes_too_late_is_not_heard(self) -> None:
        server = served()
        Attempts(Attempt(after=seconds(10), result="late"), Attempt(result="again")).join(server)
        assert lived(server, "Works", Job(start_to_close=10)).result == "again"

    @pytest.mark.parametrize(
        ("job", "said"),
        [
            (Job(attempts=1), "timeout START_TO_CLOSE MAXIMUM_ATTEMPTS_REACHED"),
            (Job(schedule_to_close=20, first=12), "timeout SCHEDULE_TO_CLOSE TIMEOUT"),
            (Job(schedule_to_close=25), "timeout SCHEDULE_TO_CLOSE NON_RETRYABLE_FAILURE"),
            (
                Job(start_to_close=None, schedule_to_close=25),
                "timeout SCHEDULE_TO_CLOSE NON_RETRYABLE_FAILURE",
            ),
        ],
        ids=["start to close", "before another", "within another", "schedule to close alone"],
    )
    def test_a_time_out_says_which_it_is(self, job: Job, said: str) -> None:
        server = served()
        Attempts(Attempt(lost=True)).join(server)
        assert lived(server, "Works", job).result == said

    @pytest.mark.parametrize(
        ("job", "said"),
        [
            (Job(schedule_to_start=30), "timeout SCHEDULE_TO_START NON_RETRYABLE_FAILURE"),
            (Job(schedule_to_close=30), "timeout SCHEDULE_TO_START NON_RETRYABLE_FAILURE"),
        ],
        ids=["schedule to start", "schedule to close"],
    )
    def test_a_queue_that_nobody_serves_ends_in_a_time_out(self, job: Job, said: str) -> None:
        server = served()
        work = Attempts(Attempt(result="done")).join(server)
        server.shut_queue("bench")
        run = lived(server, "Works", job)
        assert run.result == said
        assert not work.calls
        assert "ActivityTaskStarted" not in run.history

    def test_what_waits_in_a_queue_begins_when_a_worker_serves_it_again(self) -> None:
        server = served()
        server.shut_queue("bench")
        server.start("Works", Job(), id="a")
        passed(server, 86400)
        (pending,) = server.open_run("a").pending_activities
        assert (pending.name, pending.state, pending.attempt) == ("work", "queued", 1)
        server.open_queue("bench")
        assert finished(server, within=seconds(5)).result == "done"

    def test_a_cancel_that_waits_hears_how_the_activity_ended(self) -> None:
        server = served()
        Attempts(Attempt(after=seconds(100), result="done")).join(server)
        server.start("Impatient", Job(start_to_close=200, waits=True), id="a")
        server.after(seconds(10), lambda: server.signal("a", "enough", Box()))
        assert finished(server).result == "done after 90 s"

    def test_a_cancel_that_does_not_wait_is_over_at_once_and_the_call_goes_on(self) -> None:
        server = served()
        work = Attempts(Attempt(after=seconds(100), result="done")).join(server)
        server.start("Impatient", Job(start_to_close=200), id="a")
        server.after(seconds(10), lambda: server.signal("a", "enough", Box()))
        assert finished(server).result == "CancelledError CANCEL_REQUESTED after 0 s"
        assert len(work.calls) == 1

    def test_an_activity_that_no_worker_has_begun_is_cancelled_by_the_server(self) -> None:
        server = served()
        work = Attempts(Attempt(result="done")).join(server)
        server.shut_queue("bench")
        server.start("Impatient", Job(waits=True), id="a")
        server.after(seconds(10), lambda: server.signal("a", "enough", Box()))
        run = finished(server)
        assert run.result == "CancelledError CANCEL_REQUESTED after 0 s"
        assert "ActivityTaskCanceled" in run.history
        assert not work.calls

    def test_a_cancelled_activity_is_not_repeated(self) -> None:
        server = served()
        work = Attempts(Attempt(after=seconds(20), failure=LATER)).join(server)
        server.start("Impatient", Job(start_to_close=200, waits=True), id="a")
        server.after(seconds(10), lambda: server.signal("a", "enough", Box()))
        assert "Unavailable: later CANCEL_REQUESTED" in finished(server).result
        assert len(work.calls) == 1

    def test_what_is_cancelled_in_the_task_that_wanted_it_is_never_sent(self) -> None:
        server = served()
        work = Attempts(Attempt(result="done")).join(server)
        run = lived(server, "CancelsAtOnce", Job())
        assert "CancelledError" in run.result
        assert not work.calls
        assert "ActivityTaskScheduled" not in run.history
        server.replay_all()
        assert not server.violations

    def test_a_call_that_is_under_way_goes_on_when_its_workflow_is_terminated(self) -> None:
        server = served()
        work = Attempts(Attempt(result="done")).join(server)
        server.start("Works", Job(), id="a")
        server.run_until(
            lambda: (
                any(each.state == "started" for each in server.open_run("a").pending_activities)
                or bool(work.calls)
            ),
            at_most=server.now + seconds(5),
        )
        server.terminate("a", "enough")
        passed(server, 60)
        assert len(work.calls) == 1
        assert server.runs("a")[-1].terminated_because == "enough"

    def test_an_activity_that_nobody_plays_is_an_error_of_the_simulation(self) -> None:
        server = Server(random.Random(1), stories.ALL)
        server.start("Works", Job(), id="a")
        with pytest.raises(LookupError, match="work"):
            passed(server, 5)


class TestStarting:
    def test_an_id_that_runs_is_refused_or_joined_as_is_asked(self) -> None:
        server = served()
        first = server.start("Shop", Box(), id="a")
        with pytest.raises(AlreadyStarted):
            server.start("Shop", Box(), id="a")
        assert server.start("Shop", Box(), id="a", conflict="use_existing") is first
        second = server.start("Shop", Box(), id="a", conflict="terminate_existing")
        assert (first.status, second.status) == ("terminated", "running")

    def test_an_id_that_has_run_is_refused_or_taken_again_as_is_asked(self) -> None:
        server = served()
        lived(server, "Works", Job())
        with pytest.raises(AlreadyStarted):
            server.start("Works", Job(), id="a", reuse="reject_duplicate")
        with pytest.raises(AlreadyStarted):
            server.start("Works", Job(), id="a", reuse="allow_failed_only")
        assert server.start("Works", Job(), id="a").status == "running"
        server.terminate("a")
        assert server.start("Works", Job(), id="a", reuse="allow_failed_only")

    def test_retention_ends_what_an_id_was_refused_for(self) -> None:
        server = served()
        lived(server, "Works", Job())
        server.expire("a")
        assert server.start("Works", Job(), id="a", reuse="reject_duplicate")

    def test_what_a_workflow_starts_with_is_shown(self) -> None:
        server = served()
        attributes = TypedSearchAttributes([SearchAttributePair(WORD, "one")])
        run = server.start(
            "Shop", Box(), id="a", memo={"print": {"a": "b"}}, search_attributes=attributes
        )
        assert run.memo == {"print": {"a": "b"}}
        assert run.search_attributes == {"Word": "one"}


class TestTelling:
    def test_a_signal_to_nobody_is_refused(self) -> None:
        with pytest.raises(NotFound):
            served().signal("a", "close", Box())

    def test_an_update_is_answered(self) -> None:
        server = served()
        server.start("Shop", Box(number=1), id="a")
        update = server.update("a", "add", Box(number=2))
        assert update.status == "pending"
        passed(server, 1)
        assert (update.status, update.result) == ("done", Box(number=3))

    def test_a_refused_update_leaves_no_trace(self) -> None:
        server = served()
        run = server.start("Shop", Box(number=1), id="a")
        passed(server, 1)
        before = run.events, len(run.tasks)
        update = server.update("a", "add", Box(number=-2))
        passed(server, 1)
        assert (update.status, update.result) == ("refused", None)
        assert "positive" in str(update.failure)
        assert (run.events, len(run.tasks)) == before
        server.replay_all()
        assert not server.violations

    def test_a_refused_update_beside_a_signal_is_not_in_what_is_replayed(self) -> None:
        server = served()
        run = server.start("Shop", Box(number=1), id="a")
        passed(server, 1)
        update = server.update("a", "add", Box(number=-2))
        server.signal("a", "label", Box(text="x"))
        passed(server, 1)
        assert update.status == "refused"
        assert "WorkflowExecutionUpdateAccepted" not in run.history
        server.replay_all()
        assert not server.violations

    def test_a_handler_that_fails_is_an_answer(self) -> None:
        server = served()
        server.start("Shop", Box(), id="a")
        update = server.update("a", "add", Box(text="wrong"))
        passed(server, 1)
        assert update.status == "done"
        assert isinstance(update.failure, ApplicationError)
        assert update.failure.type == "Wrong"

    def test_the_same_update_twice_is_one_within_a_run(self) -> None:
        server = served()
        server.start("Shop", Box(), id="a")
        first = server.update("a", "add", Box(number=2), update_id="u")
        passed(server, 1)
        second = server.update("a", "add", Box(number=2), update_id="u")
        assert first.result == second.result == Box(number=2)
        server.signal("a", "roll", Box())
        passed(server, 1)
        third = server.update("a", "add", Box(number=2), update_id="u")
        passed(server, 1)
        assert third.result == Box(number=4)

    @pytest.mark.parametrize("how", ["roll", "terminate"])
    def test_an_update_that_a_run_leaves_unanswered_is_lost(self, how: str) -> None:
        server = served()
        server.start("Shop", Box(), id="a")
        update = server.update("a", "add", Box(number=2, text="later"))
        passed(server, 1)
        if how == "roll":
            server.signal("a", "roll", Box())
        else:
            server.terminate("a")
        passed(server, 1)
        assert update.status == "lost"

    def test_a_closed_run_still_knows_its_updates_and_takes_no_more(self) -> None:
        server = served()
        server.start("Shop", Box(), id="a")
        server.update("a", "add", Box(number=2), update_id="u")
        passed(server, 1)
        server.signal("a", "close", Box())
        passed(server, 1)
        assert server.update("a", "add", Box(number=2), update_id="u").result == Box(number=2)
        with pytest.raises(NotFound):
            server.update("a", "add", Box(number=2))

    def test_signals_and_updates_come_before_the_story_goes_on(self) -> None:
        server = served()
        server.start("Shop", Box(), id="a")
        passed(server, 1)
        server.update("a", "add", Box(number=1))
        server.signal("a", "close", Box())
        server.update("a", "add", Box(number=2))
        # A workflow cannot end before it has heard what arrived in the same task.
        assert finished(server).result == Box(text="add 1 close add 2 run", number=3)

    def test_jobs_are_in_cores_order(self) -> None:
        server = served(faults=Faults(piled_up=1))
        server.start("Works", Job(), id="a")
        server.cancel("a")
        server.signal("a", "unknown", Box())
        server.update("a", "unknown", Box())
        run = finished(server)
        jobs = [job.WhichOneof("variant") for job in run.tasks[0].turns[0].jobs]
        # The update is gone: nobody takes it, which leaves no trace.
        assert jobs == ["initialize_workflow", "signal_workflow", "cancel_workflow"]

    def test_a_query_answers_also_after_the_end(self) -> None:
        server = served()
        server.start("Shop", Box(number=4), id="a")
        assert server.query("a", "count") == Box(number=4)
        server.signal("a", "close", Box())
        finished(server)
        assert server.query("a", "count") == Box(number=4)

    def test_a_query_that_fails_says_why(self) -> None:
        server = served()
        server.start("Shop", Box(), id="a")
        with pytest.raises(QueryFailed, match="no such thing"):
            server.query("a", "broken")
        with pytest.raises(QueryFailed, match="not found"):
            server.query("a", "nonsense")
        with pytest.raises(NotFound):
            server.query("b", "count")


class TestEnding:
    def test_a_cancel_carries_its_reason(self) -> None:
        server = served()
        Attempts(Attempt(after=seconds(5), result="done")).join(server)
        server.start("Patient", Job(start_to_close=9, waits=True), id="a")
        passed(server, 1)
        server.cancel("a", "enough")
        assert finished(server).result == "done, enough"

    def test_a_workflow_that_lets_itself_be_cancelled_is_canceled(self) -> None:
        server = served()
        server.start("Endless", Box(), id="a")
        passed(server, 3)
        server.cancel("a")
        assert finished(server).status == "canceled"

    def test_a_cancel_can_arrive_in_the_task_of_a_completion(self) -> None:
        server = served(faults=Faults(cancel_with_completion=1))
        Attempts(Attempt(after=seconds(5), result="done")).join(server)
        server.start("Patient", Job(start_to_close=9, waits=True), id="a")
        passed(server, 1)
        server.cancel("a", "enough")
        run = finished(server)
        last = [job.WhichOneof("variant") for job in run.tasks[-1].turns[0].jobs]
        assert sorted(map(str, last)) == ["cancel_workflow", "resolve_activity"]
        # The SDK lets the cancel win, by a flag that it has to find again in a replay.
        assert run.result == "cancelled, enough"
        server.replay_all()
        assert not server.violations

    def test_a_child_is_not_started_once_its_parent_has_ended(self) -> None:
        server = served()
        server.start("Parent", Order(policy=int(ParentClosePolicy.ABANDON)), id="a")
        server.run_until(
            lambda: bool(server.open_run("a").children), at_most=server.now + seconds(1)
        )
        server.terminate("a")
        passed(server, 5)
        assert not server.runs("child")

    def test_a_cancel_does_not_pass_to_the_next_run(self) -> None:
        server = served()
        server.start("Shop", Box(), id="a")
        passed(server, 1)
        server.signal("a", "roll", Box())
        passed(server, 1)
        assert not server.open_run("a").cancel_requested

    def test_a_next_run_has_the_memo_of_the_start_and_the_attributes_of_now(self) -> None:
        server = served()
        server.start("Shop", Box(), id="a", memo={"print": "x"})
        server.signal("a", "label", Box(text="two"))
        passed(server, 1)
        assert server.open_run("a").memo == {"print": "x", "label": "two"}
        server.signal("a", "roll", Box())
        passed(server, 1)
        first, second = server.runs("a")
        assert (first.status, second.status) == ("continued_as_new", "running")
        assert second.memo == {"print": "x"}
        assert second.search_attributes == {"Word": "two"}

    def test_a_next_run_is_suggested_at_the_servers_number_of_events(self) -> None:
        server = served(limits=Limits(suggest_events=50))
        run = lived(server, "Rolling", Loose())
        assert len(server.runs("a")) == 3
        # Five events a turn, three of the first task.
        assert run.result == [10, 10, 10]

    def test_it_can_be_suggested_early(self) -> None:
        server = served(faults=Faults(early_suggestion=1, suggested_within=(8, 40)))
        run = lived(server, "Rolling", Loose())
        assert all(turns <= 8 for turns in run.result)

    def test_handlers_that_an_end_cuts_off_are_a_violation(self) -> None:
        server = served()
        server.start("Untidy", Box(), id="a")
        server.update("a", "linger", Box())
        passed(server, 60)
        (violation,) = server.violations
        assert violation.kind == "unfinished_handlers"
        assert "linger" in violation.what
        assert server.runs("a")[0].unfinished_handlers == ("linger",)


class TestChildren:
    def test_a_parent_hears_what_its_child_returns(self) -> None:
        assert lived(served(), "Parent", Order(waits=True)).result == "child says done"

    def test_a_child_is_told_who_started_it_and_the_other_way_round(self) -> None:
        server = served()
        run = lived(server, "Parent", Order(waits=True))
        (child,) = server.runs("child")
        assert child.origin.parent == ("a", run.run_id)

    def test_a_child_that_is_terminated_is_an_error_of_its_parent(self) -> None:
        server = served()
        server.shut_queue("bench")
        server.start("Parent", Order(waits=True), id="a")
        passed(server, 5)
        server.terminate("child")
        assert finished(server).result == "child TerminatedError"

    def test_a_child_is_refused_where_its_id_runs_or_has_run(self) -> None:
        server = served()
        server.shut_queue("bench")
        server.start("Works", Job(), id="child")
        assert lived(server, "Parent", Order()).result == "there is one"
        server.open_queue("bench")
        finished(server, "child")
        assert lived(server, "Parent", Order(rejects=True), "b").result == "there is one"
        assert lived(server, "Parent", Order(waits=True), "c").result == "child says done"

    @pytest.mark.parametrize(
        ("policy", "status"),
        [
            (ParentClosePolicy.TERMINATE, "terminated"),
            (ParentClosePolicy.REQUEST_CANCEL, "canceled"),
            (ParentClosePolicy.ABANDON, "running"),
        ],
        ids=["terminate", "cancel", "abandon"],
    )
    def test_what_a_parents_end_means_for_its_child(
        self, policy: ParentClosePolicy, status: str
    ) -> None:
        server = served()
        server.shut_queue("bench")
        server.start("Parent", Order(policy=int(policy)), id="a")
        passed(server, 1)
        server.signal("a", "go", Box())
        assert finished(server).result == "left"
        passed(server, 1)
        assert server.runs("child")[0].status == status

    @pytest.mark.parametrize(
        ("how", "waited"),
        [
            (ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED, True),
            (ChildWorkflowCancellationType.TRY_CANCEL, True),
            (ChildWorkflowCancellationType.WAIT_CANCELLATION_REQUESTED, True),
            (ChildWorkflowCancellationType.ABANDON, False),
        ],
        ids=["wait", "try", "requested", "abandon"],
    )
    def test_what_a_cancel_means_for_a_child(
        self, how: ChildWorkflowCancellationType, waited: bool
    ) -> None:
        server = served()
        server.shut_queue("bench")
        order = Order(waits=True, cancels=True, cancellation=int(how))
        order = order.model_copy(update={"policy": int(ParentClosePolicy.ABANDON)})
        assert lived(server, "Parent", order).result == "child CancelledError"
        passed(server, 1)
        (child,) = server.runs("child")
        assert child.status == ("canceled" if waited else "running")


class TestOthers:
    def test_a_workflow_signals_another(self) -> None:
        server = served()
        server.start("Shop", Box(), id="shop")
        assert lived(server, "Caller", Box(text="shop")).result == "done"
        assert finished(server, "shop").result == Box(text="close run")

    def test_a_workflow_cancels_another(self) -> None:
        server = served()
        server.start("Endless", Box(), id="other")
        assert lived(server, "Caller", Box(text="other", number=1)).result == "done"
        assert finished(server, "other").status == "canceled"

    @pytest.mark.parametrize("how", [0, 1], ids=["signal", "cancel"])
    def test_one_that_is_not_there_is_an_error_of_the_caller(self, how: int) -> None:
        result = lived(served(), "Caller", Box(text="nobody", number=how)).result
        assert "not found" in result


HUGE = 3 * 1024 * 1024


class TestLimits:
    @pytest.mark.parametrize(
        ("what", "size", "because"),
        [
            ("activity", HUGE, "BadScheduleActivityAttributes"),
            ("attribute", 2100, "BadSearchAttributes"),
            ("memo", HUGE, "BadModifyWorkflowProperties"),
            ("child", HUGE, "BadStartChildExecutionAttributes"),
            ("continue", HUGE, "BadContinueAsNewAttributes"),
            ("result", HUGE, "CompleteWorkflowExecutionCommandAttributes.Result"),
            ("signal", HUGE, "BadSignalWorkflowExecutionAttributes"),
        ],
    )
    def test_what_is_too_large_ends_the_workflow(self, what: str, size: int, because: str) -> None:
        server = served(strict=True)
        run = lived(server, "Heavy", Weight(what=what, size=size))
        assert run.status == "terminated"
        assert because in run.terminated_because
        assert run.history[-2:] == ["WorkflowTaskFailed", "WorkflowExecutionTerminated"]

    @pytest.mark.parametrize("what", ["child", "continue", "memo", "attribute"])
    def test_what_outlives_a_run_is_measured_in_every_life(self, what: str) -> None:
        run = lived(served(), "Heavy", Weight(what=what, size=HUGE))
        assert run.status == "terminated"

    def test_what_a_caller_sends_too_large_is_refused(self) -> None:
        server = served(strict=True)
        huge = Box(text="x" * HUGE)
        with pytest.raises(TooLarge):
            server.start("Shop", huge, id="a")
        server.start("Shop", Box(), id="a")
        with pytest.raises(TooLarge):
            server.signal("a", "close", huge)
        with pytest.raises(TooLarge):
            server.update("a", "add", huge)

    def test_an_activity_that_returns_too_much_has_failed(self) -> None:
        server = served(strict=True, answer="x" * HUGE)
        assert "ServerError" in lived(server, "Works", Job()).result

    def test_an_update_that_answers_too_much_ends_the_workflow(self) -> None:
        server = served(strict=True)
        server.start("Shop", Box(), id="a")
        update = server.update("a", "grow", Box(number=HUGE))
        run = finished(server)
        assert "BadUpdateWorkflowExecutionMessage" in run.terminated_because
        assert update.status == "lost"

    def test_a_history_that_is_too_long_ends_the_workflow(self) -> None:
        server = served(limits=Limits(history_events=500))
        run = lived(server, "Endless", Box())
        assert run.terminated_because == "Workflow history count exceeds limit."
        assert 500 < run.events < 510

    def test_a_history_that_is_too_large_ends_the_workflow(self) -> None:
        server = served(strict=True, limits=Limits(history_bytes=100_000))
        server.start("Shop", Box(), id="a")
        for _ in range(3):
            server.signal("a", "label", Box(text="x" * 1000))
            passed(server, 1)
        assert server.open_run("a").bytes > 6000
        server.signal("a", "close", Box(text="x" * 100_000))
        run = finished(server)
        assert run.terminated_because == "Workflow history size exceeds limit."

    def test_a_run_takes_so_many_signals_and_updates(self) -> None:
        server = served(limits=Limits(signals=3, updates=3))
        server.start("Shop", Box(), id="a")
        for _ in range(3):
            server.signal("a", "label", Box(text="x"))
            server.update("a", "add", Box(number=1))
            passed(server, 1)
        with pytest.raises(LimitExceeded):
            server.signal("a", "label", Box(text="x"))
        with pytest.raises(LimitExceeded):
            server.update("a", "add", Box(number=1))

    def test_a_run_takes_so_many_updates_at_once(self) -> None:
        server = served()
        server.start("Shop", Box(), id="a")
        for _ in range(10):
            server.update("a", "add", Box(number=1, text="later"))
        passed(server, 1)
        with pytest.raises(LimitExceeded):
            server.update("a", "add", Box(number=1))

    def test_too_many_children_fail_the_task_for_as_long_as_it_is_tried(self) -> None:
        server = served(limits=Limits(pending=10))
        run = server.start("Parent", Order(many=11), id="a")
        passed(server, 3600)
        assert run.stuck
        assert run.task_failures == 3
        assert run.last_task_failure == "PendingChildWorkflowsLimitExceeded"
        assert not server.runs("child0")

    def test_a_search_attribute_that_nobody_registered_fails_the_task(self) -> None:
        server = served(limits=Limits(known_attributes={"Other"}))
        run = server.start("Heavy", Weight(what="attribute", size=1), id="a")
        passed(server, 3600)
        assert run.stuck
        assert "Word is not defined" in run.last_task_failure


class TestReplay:
    @pytest.fixture(autouse=True)
    def _as_it_was(self) -> Any:
        yield
        stories.Fickle.order[:] = ["work", "play"]

    def test_a_workflow_that_decides_by_what_is_outside_is_found_out(self) -> None:
        server = served(faults=Faults(evicted=1))
        server.start("Fickle", Box(), id="a")
        server.run_until(
            lambda: len(server.runs("a")[0].tasks) == 1, at_most=server.now + seconds(9)
        )
        stories.Fickle.order.reverse()
        passed(server, 60)
        (violation,) = server.violations
        assert violation.kind == "nondeterminism"
        assert "command 1 was schedule_activity work" in violation.what
        assert "is schedule_activity play" in violation.what
        assert server.open_run("a").task_failures == 1

    def test_a_command_that_is_missing_is_found_out(self) -> None:
        server = served()
        server.start("Fickle", Box(), id="a")
        passed(server, 60)
        stories.Fickle.order[:] = []
        server.replay_all()
        (violation,) = server.violations
        assert "in task 1 of 3: command 1 was schedule_activity work" in violation.what

    @pytest.mark.parametrize("strict", [False, True], ids=["by reference", "by value"])
    def test_an_argument_that_is_made_anew_is_found_out(self, strict: bool) -> None:
        server = served(strict=strict)
        server.start("Guessing", Box(), id="a")
        passed(server, 60)
        server.replay_all()
        (violation,) = server.violations
        assert violation.kind == "nondeterminism"
        assert "number" in violation.what

    def test_some_runs_that_have_ended_are_compared_whole_though_none_was_evicted(self) -> None:
        server = served()
        for each in range(40):
            server.start("Guessing", Box(), id=f"{each}")
        passed(server, 60)
        runs = [server.runs(each)[0] for each in server.ids()]
        assert all(run.closed for run in runs)
        found = {each.workflow_id for each in server.violations}
        assert found == {run.id for run in runs if run.origin.seed % 8 == 0}
        assert 1 < len(found) < 20

    def test_a_workflow_that_has_ended_stays_in_memory_for_those_who_look(self) -> None:
        server = served()
        server.start("Shop", Box(number=4), id="a")
        server.signal("a", "close", Box())
        finished(server)
        before = server.counters.replays
        assert server.query("a", "count") == Box(number=4)
        assert server.counters.replays == before
        server.lose_worker()
        assert server.query("a", "count") == Box(number=4)
        assert server.counters.replays == before + 1

    def test_a_workflow_that_left_the_memory_goes_on_as_if_it_had_not(self) -> None:
        def life(evicted: float) -> list[datetime]:
            server = served(faults=Faults(evicted=evicted))
            result: list[datetime] = lived(server, "Sleeps", Loose(numbers=[5] * 10)).result
            assert bool(server.counters.replays) == bool(evicted)
            return [each.replace(microsecond=0) for each in result]

        assert life(0) == life(1)

    def test_a_task_that_is_lost_is_done_again_with_what_came_meanwhile(self) -> None:
        server = served(faults=Faults(task_lost=0.7, task_timeout=seconds(10)))
        server.start("Shop", Box(), id="a")
        updates = list[Any]()
        for each in range(1, 9):
            server.after(
                seconds(5 * each), lambda: updates.append(server.update("a", "add", Box(number=1)))
            )
        server.after(seconds(60), lambda: server.signal("a", "close", Box()))
        assert finished(server).result.number == 8
        assert server.counters.tasks_lost > 2
        assert server.counters.largest_task > 1
        assert "WorkflowTaskTimedOut" in server.runs("a")[0].history
        server.replay_all()
        assert not server.violations

    def test_a_task_that_fails_is_tried_until_the_run_is_stuck_and_again_on_news(self) -> None:
        server = served()
        run = server.start("Shop", Box(), id="a")
        passed(server, 1)
        server.signal("a", "fail", Box(text="oh"))
        passed(server, 3600)
        assert (run.stuck, run.task_failures, run.last_task_failure) == (True, 3, "oh")
        server.signal("a", "label", Box(text="x"))
        passed(server, 3600)
        assert (run.stuck, run.task_failures) == (True, 6)


class TestFaults:
    def test_a_lost_worker_reports_nothing_though_it_may_have_done_it(self) -> None:
        server = served()
        work = Attempts(Attempt(after=seconds(5), result="done")).join(server)
        server.start("Works", Job(), id="a")
        server.run_until(lambda: bool(work.calls), at_most=server.now + seconds(2))
        server.lose_worker()
        assert finished(server).result == "done"
        assert [call.attempt for call in work.calls] == [1, 2]
        assert work.begun[1] - work.begun[0] > seconds(10)

    def test_a_worker_can_be_lost_before_it_has_done_anything(self) -> None:
        calls = set[int]()
        for seed in range(40):
            server = served(seed, faults=Faults(worker_lost=0.2))
            work = Attempts(Attempt(after=seconds(5), result="done")).join(server)
            run = lived(server, "Works", Job())
            assert run.result == "done"
            calls.add(work.calls[-1].attempt - len(work.calls))
        # Attempts that were never made: none, and some.
        assert 0 in calls
        assert max(calls) > 0

    def test_an_answer_can_be_lost_and_had_by_asking_again(self) -> None:
        server = served(faults=Faults(answer_lost=0.5))
        server.start("Shop", Box(), id="a")
        asked = []
        for _ in range(12):
            asked.append(server.update("a", "add", Box(number=1), update_id="u"))
            passed(server, 1)
        assert {each.status for each in asked} == {"lost", "done"}
        assert all(each.result == Box(number=1) for each in asked if each.status == "done")

    def test_a_request_can_be_lost(self) -> None:
        server = served(faults=Faults(request_lost=1))
        server.start("Shop", Box(), id="a")
        assert server.update("a", "add", Box(number=1)).status == "lost"
        passed(server, 1)
        assert server.query("a", "count") == Box(number=0)

    def test_things_pile_up_for_one_task(self) -> None:
        server = served(faults=Faults(piled_up=1))
        server.start("Shop", Box(), id="a")
        for each in range(60):
            server.after(seconds(each), lambda: server.signal("a", "label", Box(text="x")))
        passed(server, 300)
        assert server.counters.largest_task > 5

    @pytest.mark.parametrize("strict", [False, True], ids=["by reference", "by value"])
    def test_the_same_seed_is_the_same_life(self, strict: bool) -> None:
        def life(seed: int) -> str:
            server = served(seed, faults=Faults.usual(), strict=strict)
            Attempts(Attempt(failure=LATER), Attempt(lost=True), Attempt(result="done")).join(
                server
            )
            server.start("Shop", Box(), id="shop")
            server.start("Parent", Order(waits=True), id="a")
            _often(server, lambda: server.signal("shop", "label", Box(text="x")))
            finished(server)
            return server.digest()

        digests = [life(seed) for seed in range(20)]
        assert digests == [life(seed) for seed in range(20)]
        assert len(set(digests)) == 20

    def test_faults_that_cannot_happen_draw_no_numbers(self) -> None:
        first, second = served(), served(faults=Faults(pile_for=seconds(1)))
        lived(first, "Works", Job())
        lived(second, "Works", Job())
        assert first.digest() == second.digest()


def _often(server: Server, act: Callable[[], None]) -> None:
    for each in range(5):
        server.after(seconds(3 * each), act)


class TestPayloads:
    @pytest.fixture
    def converter(self) -> ByReference:
        return ByReference(Table(), data_converter.payload_converter)

    def test_a_reference_is_a_payload_like_any_other(self, converter: ByReference) -> None:
        for key in (0, 9, 10, 4321):
            while len(converter.keys) < key:
                converter.to_payload("before it")
            made = converter.to_payload("a word")
            named = {"encoding": b"simulation/reference"}
            assert made == Payload(metadata=named, data=b"%d" % key)

    def test_what_is_frozen_is_handed_over_as_it_is(self, converter: ByReference) -> None:
        box = Box(number=5, text="same")
        (payload,) = converter.to_payloads([box])
        assert converter.from_payloads([payload], [Box])[0] is box
        assert payload.ByteSize() < 50

    def test_what_can_change_is_not(self, converter: ByReference) -> None:
        loose = Loose(numbers=[1])
        (payload,) = converter.to_payloads([loose])
        loose.numbers.append(2)
        assert converter.from_payloads([payload], [Loose]) == [Loose(numbers=[1])]

    @pytest.mark.parametrize("hint", [None, dict, Weight], ids=["none", "dict", "another model"])
    def test_what_is_read_as_something_else_becomes_that(
        self, converter: ByReference, hint: type | None
    ) -> None:
        (payload,) = converter.to_payloads([Box(number=5, text="same")])
        real = data_converter.payload_converter
        (stored,) = real.to_payloads([Box(number=5, text="same")])
        hints = [hint] if hint else None
        if hint is Weight:
            with pytest.raises(ApplicationError, match="what"):
                converter.from_payloads([payload], hints)
        else:
            assert converter.from_payloads([payload], hints) == real.from_payloads([stored], hints)

    def test_what_a_workflow_starts_with_is_the_callers_no_more(self) -> None:
        server = served()
        numbers = Loose(numbers=[1])
        server.start("Sleeps", numbers, id="a")
        numbers.numbers.append(10**9)
        assert len(finished(server).result) == 2

    def test_a_life_by_value_measures_what_it_stores(self) -> None:
        sizes = []
        for strict in (False, True):
            server = served(strict=strict)
            server.start("Shop", Box(), id="a")
            server.signal("a", "close", Box(text="x" * 10_000))
            sizes.append(finished(server).bytes)
        assert sizes[0] < 3000
        assert sizes[1] > 10_000

    async def test_a_life_can_be_lived_in_a_coroutine(self) -> None:
        import asyncio

        assert lived(served(faults=Faults(evicted=1)), "Works", Job()).result == "done"
        await asyncio.sleep(0)

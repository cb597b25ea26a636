"""What the register keeps. Migrations make these tables; a test compares the two.

Money is in minor units of its row's currency, as whole numbers: both databases add them exactly.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)

metadata = MetaData()


class Moment(TypeDecorator[datetime]):
    """A moment in UTC to the microsecond, as text that sorts: SQLite keeps no time zone."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """As it is kept."""
        return value.astimezone(UTC).isoformat(timespec="microseconds") if value else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """As it was given."""
        return datetime.fromisoformat(value) if value else None


class Words(TypeDecorator[str]):
    """What people and providers wrote; what a database cannot keep is replaced by a mark."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """As it is kept: PostgreSQL has no character 0, and UTF-8 no half of a pair."""
        if value is None:
            return None
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


claims = Table(
    "claims",
    metadata,
    Column("kind", String(10), primary_key=True),
    Column("reference", String(200), primary_key=True),
    Column("fingerprint", Text, nullable=False),  # JSON: a digest per part of the first request
    Column("contents", Text, nullable=False),  # JSON: digests of all that was asked for
    Column("claimant", String(100), nullable=False),
    Column("namespace", String(255), nullable=False),
    Column("claimed_at", Moment, nullable=False),
    Column("verdict", Text, nullable=False),  # JSON: what the claimant was answered
    Column("erased_at", Moment),
)

corrections = Table(
    "corrections",  # what a person had an invoice made from last, instead of the first request
    metadata,
    Column("kind", String(10), primary_key=True),
    Column("reference", String(200), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),  # a payload, encrypted where there are keys
)

invoices = Table(
    "invoices",  # and orders, told apart by their kind
    metadata,
    Column("kind", String(10), primary_key=True),
    Column("reference", String(200), primary_key=True),
    Column("sequence", Integer, nullable=False),  # of the last line of its present claimant
    Column("told_by", String(100)),  # its name in the journal, where its workflow was reset
    Column("provider", String(50), nullable=False),
    Column("account", String(50), nullable=False),
    Column("goal", String(20), nullable=False),
    Column("status", String(30), nullable=False),
    Column("stage", String(30), nullable=False),
    Column("payment", String(30), nullable=False),
    Column("provider_id", Words),
    Column("number", Words),
    Column("in_doubt", Boolean, nullable=False),
    Column("ended", Boolean, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("net", BigInteger),
    Column("vat", BigInteger),
    Column("gross", BigInteger),
    Column("due", BigInteger),
    Column("paid", BigInteger),
    Column("credited", BigInteger),
    Column("left_to_pay", BigInteger),
    Column("too_much", BigInteger),
    Column("refunded", BigInteger),
    Column("charged_back", BigInteger),
    Column("returned", BigInteger),  # it went back, and nobody said by whom
    Column("collection", String(100), nullable=False, server_default=""),
    Column("issue_date", Date),
    Column("due_date", Date),
    Column("buyer", Words),
    Column("order_id", String(255)),
    Column("credit_note", Boolean, nullable=False, server_default=false()),
    Column("credits", String(200)),  # the reference of the invoice that it takes back
    Column("asked_by", Words),
    Column("answered_by", Words),
    Column("began_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("kept", Text, nullable=False),  # JSON: the whole of it, for a successor
    Index("invoices_by_status", "kind", "status"),
    Index("invoices_by_issue_date", "issue_date"),
    Index("invoices_by_number", "number"),
    Index("invoices_by_provider_id", "provider", "account", "provider_id"),
    Index("invoices_by_age", "kind", "began_at", "reference"),
    Index("invoices_by_order", "order_id"),
)
# Few invoices are credit notes: what is not costs nothing here.
Index(
    "invoices_by_what_they_credit",
    invoices.c.credits,
    sqlite_where=invoices.c.credits.is_not(None),
    postgresql_where=invoices.c.credits.is_not(None),
)

vat_rows = Table(
    "vat_rows",
    metadata,
    Column("kind", String(10), primary_key=True),
    Column("reference", String(200), primary_key=True),
    Column("category", String(10), primary_key=True),
    Column("rate", String(30), primary_key=True),  # in percent, without trailing zeros
    Column("taxable", BigInteger, nullable=False),
    Column("vat", BigInteger, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    # SQLite counts by itself only in a column of the type INTEGER; here the chain counts.
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(10), nullable=False),
    Column("reference", String(200), nullable=False),
    Column("claimant", String(100), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("status", String(30), nullable=False),
    Column("salt", String(32)),  # None once it is erased
    Column("said", Text),  # JSON: what happened, who wanted it and why; None once it is erased
    Column("digest", String(64), nullable=False),  # of salt and said
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("kind", "reference", "claimant", "sequence", name="journal_once"),
    Index("journal_by_time", "at", "position"),
)

chain = Table(
    "chain",  # one row: where the journal ends
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)

data_keys = Table(
    "data_keys",  # see invoicing.temporal.data_keys
    metadata,
    Column("kind", String(10), primary_key=True),
    Column("reference", String(200), primary_key=True),
    Column("sealed", LargeBinary),  # the key, encrypted by `master`; None once it is destroyed
    Column("master", String(50)),
    Column("made_at", Moment, nullable=False),
    Column("destroyed_at", Moment),
    Index("data_keys_by_master", "master"),
)

legal_holds = Table(
    "legal_holds",
    metadata,
    Column("kind", String(10), primary_key=True),
    Column("reference", String(200), primary_key=True),
    Column("held_by", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("at", Moment, nullable=False),
)

saved_lists = Table(
    "saved_lists",
    metadata,
    Column("owner", Words, primary_key=True),  # the caller's name
    Column("name", Words, primary_key=True),
    Column("filters", Text, nullable=False),  # JSON: what it chooses
    Column("saved_at", Moment, nullable=False),
)

provider_calls = Table(
    "provider_calls",  # a row per day (in UTC), account and result
    metadata,
    Column("day", Date, primary_key=True),
    Column("provider", String(50), primary_key=True),
    Column("account", String(100), primary_key=True),
    Column("result", String(50), primary_key=True),
    Column("calls", BigInteger, nullable=False),
)

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("run", String(100), primary_key=True),
    Column("provider", String(50), nullable=False),
    Column("account", String(50), nullable=False),
    Column("since", Date, nullable=False),
    Column("until", Date, nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("ended_at", Moment, nullable=False),
    Column("whole", Boolean, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("reads", Integer, nullable=False),
    Column("listed", Integer, nullable=False),
    Column("found", Text, nullable=False),  # JSON: open findings by kind
    Column("new", Integer, nullable=False),
    Column("closed", Integer, nullable=False),
    Index("reconciliations_by_account", "provider", "account", "began_at"),
)

listed = Table(
    "listed",  # what a reconciliation under way has seen; emptied at its end
    metadata,
    Column("run", String(100), primary_key=True),
    Column("provider_id", Words, primary_key=True),
    Column("reference", Words),  # as the provider states it
    Column("ours", String(200)),  # the reference of the invoice that has this id here
    Column("stage", String(30), nullable=False),
    Column("alive", Boolean, nullable=False),
    Column("seen", Boolean, nullable=False),  # False: it is missing in the list
    Column("suspect", Boolean, nullable=False),
    Column("credits", Words),  # the id of what it takes back
    Column("awaits_note", Boolean),  # it is credited here: a document that says so is to be there
    Index("listed_by_reference", "run", "reference"),
    Index("listed_by_suspicion", "run", "suspect"),
)

findings = Table(
    "findings",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("provider", String(50), nullable=False),
    Column("account", String(50), nullable=False),
    Column("reference", Words),
    Column("provider_id", Words),
    Column("what", Words, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("first_run", String(100), nullable=False),
    Column("last_run", String(100), nullable=False),
    Column("closed_at", Moment),
    Column("closed_by", Words),  # None: by a run that did not find it any more
    Column("reason", Words),
    Index("findings_by_account", "provider", "account", "closed_at"),
)

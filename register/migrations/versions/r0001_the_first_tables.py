"""Claims, invoices and orders, their VAT, and the chained journal."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """All tables, and the end of a journal that has no line yet."""
    op.create_table(
        "claims",
        sa.Column("kind", sa.String(10), primary_key=True),
        sa.Column("reference", sa.String(200), primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("contents", sa.Text, nullable=False),
        sa.Column("claimant", sa.String(100), nullable=False),
        sa.Column("namespace", sa.String(255), nullable=False),
        sa.Column("claimed_at", sa.String(32), nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("erased_at", sa.String(32)),
    )
    _invoices()
    op.create_table(
        "vat_rows",
        sa.Column("kind", sa.String(10), primary_key=True),
        sa.Column("reference", sa.String(200), primary_key=True),
        sa.Column("category", sa.String(10), primary_key=True),
        sa.Column("rate", sa.String(30), primary_key=True),
        sa.Column("taxable", sa.BigInteger, nullable=False),
        sa.Column("vat", sa.BigInteger, nullable=False),
    )
    _journal()


def _invoices() -> None:
    op.create_table(
        "invoices",
        sa.Column("kind", sa.String(10), primary_key=True),
        sa.Column("reference", sa.String(200), primary_key=True),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("provider", sa.String(50), nullable=False),
        sa.Column("account", sa.String(50), nullable=False),
        sa.Column("goal", sa.String(20), nullable=False),
        sa.Column("status", sa.String(30), nullable=False),
        sa.Column("stage", sa.String(30), nullable=False),
        sa.Column("payment", sa.String(30), nullable=False),
        sa.Column("provider_id", sa.Text),
        sa.Column("number", sa.Text),
        sa.Column("in_doubt", sa.Boolean, nullable=False),
        sa.Column("ended", sa.Boolean, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        *(
            sa.Column(name, sa.BigInteger)
            for name in ("net", "vat", "gross", "due", "paid", "credited")
        ),
        sa.Column("issue_date", sa.Date),
        sa.Column("due_date", sa.Date),
        sa.Column("buyer", sa.Text),
        sa.Column("order_id", sa.String(255)),
        sa.Column("asked_by", sa.Text),
        sa.Column("answered_by", sa.Text),
        sa.Column("began_at", sa.String(32), nullable=False),
        sa.Column("changed_at", sa.String(32), nullable=False),
        sa.Column("ended_at", sa.String(32)),
        sa.Column("kept", sa.Text, nullable=False),
    )
    op.create_index("invoices_by_status", "invoices", ["kind", "status"])
    op.create_index("invoices_by_issue_date", "invoices", ["issue_date"])
    op.create_index("invoices_by_number", "invoices", ["number"])
    op.create_index("invoices_by_provider_id", "invoices", ["provider", "account", "provider_id"])


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("reference", sa.String(200), nullable=False),
        sa.Column("claimant", sa.String(100), nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("status", sa.String(30), nullable=False),
        sa.Column("salt", sa.String(32)),
        sa.Column("said", sa.Text),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.UniqueConstraint("kind", "reference", "claimant", "sequence", name="journal_once"),
    )
    chain = op.create_table(
        "chain",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.bulk_insert(chain, [{"id": 1, "position": 0, "hash": "0" * 64}])


def downgrade() -> None:
    """Nothing is left."""
    for table in ("chain", "journal", "vat_rows", "invoices", "claims"):
        op.drop_table(table)

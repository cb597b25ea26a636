"""What a reconciliation has seen and found, and what each came to."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Three tables."""
    op.create_table(
        "reconciliations",
        sa.Column("run", sa.String(100), primary_key=True),
        *(sa.Column(name, sa.String(50), nullable=False) for name in ("provider", "account")),
        *(sa.Column(name, sa.Date, nullable=False) for name in ("since", "until")),
        *(sa.Column(name, sa.String(32), nullable=False) for name in ("began_at", "ended_at")),
        sa.Column("whole", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("pages", "reads", "listed")),
        sa.Column("found", sa.Text, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("new", "closed")),
    )
    by_account = ["provider", "account", "began_at"]
    op.create_index("reconciliations_by_account", "reconciliations", by_account)
    op.create_table(
        "listed",
        sa.Column("run", sa.String(100), primary_key=True),
        sa.Column("provider_id", sa.Text, primary_key=True),
        sa.Column("reference", sa.Text),
        sa.Column("ours", sa.String(200)),
        sa.Column("stage", sa.String(30), nullable=False),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("alive", "seen", "suspect")),
    )
    op.create_index("listed_by_reference", "listed", ["run", "reference"])
    op.create_index("listed_by_suspicion", "listed", ["run", "suspect"])
    _findings()


def _findings() -> None:
    op.create_table(
        "findings",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        *(sa.Column(name, sa.String(50), nullable=False) for name in ("provider", "account")),
        *(sa.Column(name, sa.Text) for name in ("reference", "provider_id")),
        sa.Column("what", sa.Text, nullable=False),
        *(sa.Column(name, sa.String(32), nullable=False) for name in ("first_at", "last_at")),
        *(sa.Column(name, sa.String(100), nullable=False) for name in ("first_run", "last_run")),
        sa.Column("closed_at", sa.String(32)),
        *(sa.Column(name, sa.Text) for name in ("closed_by", "reason")),
    )
    op.create_index("findings_by_account", "findings", ["provider", "account", "closed_at"])


def downgrade() -> None:
    """Without them."""
    for table in ("findings", "listed", "reconciliations"):
        op.drop_table(table)

"""Legal holds: what is held is not erased."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """A table."""
    op.create_table(
        "legal_holds",
        sa.Column("kind", sa.String(10), primary_key=True),
        sa.Column("reference", sa.String(200), primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("held_by", "reason")),
        sa.Column("at", sa.String(32), nullable=False),
    )


def downgrade() -> None:
    """Without it: refused while a hold stands, for what it holds could be erased then. The journal
    still says what was held."""
    holds = sa.table("legal_holds", sa.column("reference", sa.String))
    if op.get_bind().execute(sa.select(holds.c.reference).limit(1)).first() is not None:
        raise RuntimeError("there are legal holds in the register: release them first")
    op.drop_table("legal_holds")

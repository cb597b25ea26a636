"""The key of each invoice and order; what was erased before has none, and gets none."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """A table, with a line for each reference that was erased."""
    keys = op.create_table(
        "data_keys",
        sa.Column("kind", sa.String(10), primary_key=True),
        sa.Column("reference", sa.String(200), primary_key=True),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("master", sa.String(50)),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.Column("destroyed_at", sa.String(32)),
    )
    op.create_index("data_keys_by_master", "data_keys", ["master"])
    names = ("kind", "reference", "claimed_at", "erased_at")
    claims = sa.table("claims", *(sa.column(name, sa.String) for name in names))
    erased = sa.select(*(claims.c[name] for name in names)).where(claims.c.erased_at.is_not(None))
    into = ["kind", "reference", "made_at", "destroyed_at"]
    op.execute(keys.insert().from_select(into, erased))


def downgrade() -> None:
    """Without it: refused while there is a key in it, for what it opens would be lost for good."""
    keys = sa.table("data_keys", sa.column("sealed", sa.LargeBinary))
    some = sa.select(keys.c.sealed).where(keys.c.sealed.is_not(None)).limit(1)
    if op.get_bind().execute(some).first() is not None:
        raise RuntimeError(
            "there are data keys in the register: without them nobody reads what Temporal has of "
            "their invoices"
        )
    op.drop_index("data_keys_by_master", "data_keys")
    op.drop_table("data_keys")

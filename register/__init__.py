"""The books: what stands for a reference and what became of it, when Temporal has forgotten it.

tables      what is kept: claims, invoices and orders, their VAT, the journal
database    where: an SQLite file, or PostgreSQL
migrations  how one version's tables become the next one's (Alembic)
books       what workers ask of it, each call in one transaction: see claiming and recording
export      a period as files for an accountant, and whether they are still what was written
keys        a key per invoice and order, which an erasure destroys
erasing     a person taken out, and what is kept
holding     legal holds: what is held is not erased
lists       what fits, page by page, and what it comes to
chain       every line of the journal carries the hash of the one before

It knows the domain alone. SQLAlchemy is used without its asyncio part, in threads of its own:
SQLite works in threads anyway, so do migrations, and two packages less are pinned.
"""

from register.books import Books
from register.database import BadRegister, opened

__all__ = ["BadRegister", "Books", "opened"]

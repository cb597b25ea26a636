"""The books of a period as files, for accountants and archives; and whether they are still that.

rows       what each file says of an invoice, and of a line of the journal
bookings   the booking file, whose columns and accounts a table maps
tables     a file as CSV and as JSONL, and its digest, while it is written
writing    all files of a period, from one moment of the register
packing    the same as one ZIP file, for callers of the gateway
verifying  whether a folder is what was exported, to the bit
manifest   what stands in manifest.json, and its seal
"""

from register.export.bookings import BookingTable
from register.export.manifest import Manifest
from register.export.packing import packed
from register.export.verifying import verified
from register.export.writing import exported

__all__ = ["BookingTable", "Manifest", "exported", "packed", "verified"]

"""Requests from files as people have them: CSV and XLSX from spreadsheets and ERPs, and JSON Lines.

`tabular.requests.opened` is the door. What can be told for certain from the whole file is told:
encoding, separator, decimals, dates. What cannot is asked, with the row, the column and the option
that answers it (`tabular.habits`). Nothing is guessed that an amount or a date could hang on.

It knows the domain alone, so that the command line and the gateway may both use it.
"""

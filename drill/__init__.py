"""The deployment, drilled: everything up as processes of their own, and everything taken down once.

`make drill` brings up PostgreSQL, Temporal, the five stand-ins, workers and the gateway, kills and
restarts each, moves the work to another build, restores a backup elsewhere, and then compares what
the gateway says of every invoice with what the providers' ledgers say.

programs   a process that is killed, stopped, and heard
postgres   PostgreSQL from the machine's packages
temporal   Temporal on that PostgreSQL, or on a file
place      all of it, at one address each
invoices   what is asked for, and what became of it
steps      what is done to it, in order
"""

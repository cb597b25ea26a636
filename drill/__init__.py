"""The deployment, drilled: everything up, in containers or as processes, and taken down once.

`make drill` brings up PostgreSQL, Temporal, the five stand-ins, workers and the gateway, kills and
restarts each, moves the work to another build, restores a backup elsewhere, and then compares what
the gateway says of every invoice with what the providers' ledgers say.

place      what the steps do to it, wherever it is
native     … as processes of this machine
postgres   PostgreSQL from the machine's packages
temporal   Temporal on that PostgreSQL, or on a file
programs   a process that is killed, stopped, and heard
containers … in containers, by docker-compose.yml and the documented lines
checkout   the copy of the checkout that they are made of, and what differs from it
engine     the container engine: one that answers, or Debian's own
invoices   what is asked for, and what became of it
steps      what is done to it, in order
"""

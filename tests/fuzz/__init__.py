"""Many lives on a real server, with worker processes that die, judged by the providers' ledgers.

    python -m tests.fuzz --lives 1000 --seed 1

draws, from the seed and for each life, a set-up, what goes wrong at which call, what people do and
how they answer. When things happen is up to the machine, so a seed repeats the plan and not the
schedule.

drawn       the plan of a life, by chance
setups      six providers as they are met: stand-in, account, ordinary invoice, its faults
scene       server, stand-ins, and worker processes that are killed and replaced
worker      the worker's program at the pace of a fuzz
operators   people who look into the ledger before they answer
life        one reference from its start to the end of everything that can come late
judge       the promise, read from the ledger and the last state alone
histories   every history looked through and replayed
"""

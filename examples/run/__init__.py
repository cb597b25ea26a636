"""Every caller in this folder, against a server, a provider's stand-in, a worker and a gateway.

python -m examples.run          runs each of them and compares what comes of it (`make examples`)
python -m examples.run --keep   leaves it all up, to call from your own code (`make playground`)

stage     what is up
callers   how each language's program is built and run
cases     what each is asked to do, and what has to come of it
"""

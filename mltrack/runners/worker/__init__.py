"""The program that runs jobs on a host: standard library only, Python 3.8 and later,
nothing of the rest of mltrack.

It travels as one file (:mod:`mltrack.runners.program`), named by its digest. The client
speaks to it in frames (:mod:`.frames`) over whatever connects them; attempts outlive
the connection.
"""

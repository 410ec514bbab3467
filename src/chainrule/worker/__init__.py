"""All that runs beside student code: the wire, the shell that runs cells, the server that answers calls.

It imports nothing else of ours, and it is not trusted: whatever it says, a student may have said. Of this package
others import only `worker.wire`.
"""

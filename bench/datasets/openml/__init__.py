"""OpenML's tasks: fetched by its own client, verified, and read from a copy on this machine.

Nothing but `gate` opens a connection; nothing that came is unpickled.
"""

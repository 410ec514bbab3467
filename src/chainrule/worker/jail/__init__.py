"""The lock-down: what a process does to itself before it reads the first byte of a student's code.

Standard library and ctypes only. Each module is one layer; `lockdown` puts them in order. `chainrule.sandbox` chooses a
tier and asks the zygote for a process in it; nothing here knows courses, notebooks or tests.
"""

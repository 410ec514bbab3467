"""Notebooks as plain nbformat-4 dictionaries: written as text, built, taken apart, and read from hostile hands.

`text` turns Markdown into a notebook and back, `build` does it for a course, `cells` knows what nbgrader's
metadata means, `intake` reads submissions. The rest serves these: `fences` scans the text, `roles` maps the
attributes of a fence to nbgrader's metadata, `regions` handles `### BEGIN …` / `### END …`, `rules` is what a
text must fulfil to be an assignment.
"""

"""Grades in the formats of other programs: one file a format, from small dataclasses to a file, without pandas.

`read` fills the dataclasses of `book` from the gradebook. `nbgrader export` (plugins/export.py) and `chainrule export`
(report/formats.py) write through the same functions. docs/exports.md says which file is for which program, and what of
a format is documented by its owner and what we assume.
"""

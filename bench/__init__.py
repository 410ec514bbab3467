"""chainrule beside stock nbgrader and otter-grader: the same submissions, the same run. `make bench`."""

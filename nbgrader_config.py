"""nbgrader's settings for this course. Everything chainrule adds is turned on by one call."""

from chainrule.plugins import configure

c = get_config()  # noqa: F821  (nbgrader puts it here)

configure(c)

c.CourseDirectory.course_id = "mathematics-of-deep-learning"
c.CourseDirectory.solution_directory = "solutions"

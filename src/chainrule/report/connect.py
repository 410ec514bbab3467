"""Where the gradebook of a course is, and a view of it that does not change under the reader."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nbgrader.coursedir import CourseDirectory
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import ArgumentError
from traitlets.config import Config, PyFileConfigLoader

from chainrule import gradebook
from chainrule.course import Course
from chainrule.errors import CourseError, GradebookError

CONFIG = "nbgrader_config.py"


def course_directory(course: Course) -> CourseDirectory:
    """nbgrader's view of the course folder, as `nbgrader_config.py` sets it."""
    config = Config()
    path = course.root / CONFIG
    if path.exists():
        try:
            config = PyFileConfigLoader(CONFIG, path=str(course.root)).load_config()
        except Exception as error:
            raise CourseError(f"{path} cannot be loaded: {type(error).__name__}: {error}. Correct it.") from error
    if "root" not in config.CourseDirectory:
        config.CourseDirectory.root = str(course.root.resolve())
    return CourseDirectory(config=config)


def database(directory: CourseDirectory) -> str:
    """The gradebook's URL. A relative SQLite path is meant from the course folder, where nbgrader is run."""
    text = str(directory.db_url)
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise GradebookError(f"CourseDirectory.db_url {text!r} in {CONFIG} cannot be used: {error}") from error
    if url.get_backend_name() != "sqlite" or not url.database:
        return text
    path = f"{directory.root}/{url.database}" if not url.database.startswith("/") else url.database
    return url.set(database=path).render_as_string(hide_password=False)


@contextmanager
def snapshot(db_url: str) -> Iterator[Connection]:
    """A connection whose queries all see the same state of the gradebook."""
    with gradebook.connect(db_url) as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")  # Python's sqlite3 opens no transaction for a SELECT
        elif connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield connection

"""Whatever a student hands in is read as a notebook, or refused in one clear sentence, quickly."""

import json
import os
import socket
import time
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.errors import SubmissionError
from chainrule.notebook.intake import MAX_BYTES, MAX_CELLS, MAX_ITEMS, merge, read_notebook
from chainrule.notebook.text import parse

TRUTH = parse('```python solution="code"\n1\n```\n\n```python test="code" points=1\n```\n', Path("a01.md"))
CODE = {"cell_type": "code", "metadata": {}, "source": "x = 1", "outputs": [], "execution_count": 1}


def notebook_of(*cells, **more):
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more}


def write(tmp_path, content):
    path = tmp_path / "a01.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def refusal(path):
    start = time.monotonic()
    with pytest.raises(SubmissionError) as caught:
        read_notebook(path)
    assert time.monotonic() - start < 20  # seconds; what hangs takes hours
    message = str(caught.value)
    assert message.startswith(path.name)
    assert "\n" not in message
    return message


# --- files that are none


def test_a_symbolic_link_is_refused_and_never_followed(tmp_path):
    target = write(tmp_path, notebook_of(CODE))
    link = tmp_path / "link.ipynb"
    link.symlink_to(target)
    assert "is a symbolic link" in refusal(link)


def test_a_pipe_is_refused_without_waiting_for_its_other_end(tmp_path):
    os.mkfifo(tmp_path / "a.ipynb")
    assert "is a named pipe" in refusal(tmp_path / "a.ipynb")


def test_a_folder_a_socket_and_a_device_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    (tmp_path / "folder.ipynb").mkdir()
    assert "is a folder" in refusal(tmp_path / "folder.ipynb")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.ipynb")
        assert "is a socket" in refusal(tmp_path / "s.ipynb")
    with pytest.raises(SubmissionError, match="is a device"):
        read_notebook(Path("/dev/zero"))


def test_a_missing_file_is_refused(tmp_path):
    assert "No such file" in refusal(tmp_path / "none.ipynb")


# --- bytes that are no notebook

GOOD = json.dumps(notebook_of(CODE)).encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n\t", "is empty"),
        (b"\xef\xbb\xbf", "JSON"),
        (GOOD.replace(b"x = 1", b"x = \xe9"), "not UTF-8 text"),
        (GOOD.decode().encode("utf-16"), "UTF-16"),
        (GOOD.decode().encode("utf-16-be"), "cannot be read"),
        (GOOD.decode().encode("utf-32"), "UTF-32"),
        (b"PK\x03\x04zip", "cannot be read"),
        (b"print('hello')", "cannot be read"),
        (b"[]", "holds a list instead"),
        (b"null", "holds null instead"),
        (b"3", "holds a number instead"),
        (b"{}", "names no nbformat version"),
        (b'{"nbformat": "4", "cells": []}', "names no nbformat version"),
        (b'{"nbformat": 5, "cells": []}', "newer than the 4"),
        (b'{"nbformat": 4}', "no list of cells"),
        (b'{"nbformat": 4, "cells": {}}', "no list of cells"),
        (b'{"nbformat": 4, "cells": [null]}', "cell 1 is null"),
        (b'{"nbformat": 4, "cells": ["x"]}', "cell 1 is a text"),
        (b'{"nbformat": 4, "cells": [{}]}', "cell 1 is of no known type"),
        (b'{"nbformat": 4, "cells": [{"cell_type": ["code"]}]}', "cell 1 is of no known type"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": 3}]}', "source of cell 1 is a number"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": [3]}]}', "source of cell 1 is a list"),
        (b'{"nbformat": 3, "worksheets": 7}', "old nbformat 3 and cannot be converted"),
        (b'{"nbformat": -1}', "cannot be converted"),
        (b'{"nbformat": 4, "cells": ' + b"9" * 5000 + b"}", "cannot be read"),
        (b"[" * 1000 + b"]" * 1000, "nested more than 100"),
        (b'{"a":' * 100_000, "nested more than 100"),
        (b"[" + b"[]," * MAX_ITEMS + b"[]]", "more than 2,000,000 values"),
        (b'{"nbformat": 4, "cells": [' + b"{}," * 50_000 + b"{}]}", "50,001 cells; at most 2,000"),
        (b" " * (MAX_BYTES + 1), "larger than 32 MB"),
        (b'"' + b'\\"' * (MAX_BYTES // 2 - 1), "ends in the middle"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_notebook_is_refused_with_its_reason(tmp_path, content, words):
    assert words in refusal(write(tmp_path, content))


def test_a_file_of_100_mb_is_refused_without_being_read_whole(tmp_path):
    path = tmp_path / "big.ipynb"
    with path.open("wb") as file:
        file.truncate(100 << 20)
    assert "larger than 32 MB" in refusal(path)


@pytest.mark.parametrize("length", range(1, len(GOOD), 7))
def test_a_truncated_file_is_refused_wherever_it_was_cut(tmp_path, length):
    assert "cannot be read" in refusal(write(tmp_path, GOOD[:length]))


def test_a_name_with_control_characters_cannot_forge_a_line_of_the_log(tmp_path):
    path = tmp_path / "a\nERROR\x1b[2J.ipynb"
    path.touch()
    with pytest.raises(SubmissionError) as caught:
        read_notebook(path)
    assert str(caught.value).isprintable()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "cells",
                    "nbformat",
                    "cell_type",
                    "source",
                    "metadata",
                    "id",
                    "grade_id",
                    "attachments",
                    "nbgrader",
                    "tags",
                    "worksheets",
                ]
            ),
            inner | st.sampled_from(["code", "test_code", "markdown", "raw", 3, 4]),
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(json_values, st.lists(json_values, max_size=3), st.sampled_from([2, 3, 4]))
def test_any_json_is_a_valid_notebook_or_a_submission_error(tmp_path_factory, anything, cells, version):
    path = tmp_path_factory.mktemp("any") / "a.ipynb"
    typed = [{"cell_type": "markdown", **cell} if isinstance(cell, dict) else cell for cell in cells]
    for content in (anything, {"nbformat": version, "cells": typed, "metadata": anything}):
        path.write_text(json.dumps(content))
        try:
            notebook = read_notebook(path)
        except SubmissionError:
            continue
        nbformat.validate(nbformat.from_dict(notebook))
        merge(TRUTH, notebook)


# --- what is harmless


def test_a_byte_order_mark_is_harmless(tmp_path):
    assert read_notebook(write(tmp_path, b"\xef\xbb\xbf" + GOOD))["cells"][0]["source"] == "x = 1"


def test_sources_are_joined_and_outputs_dropped(tmp_path):
    cell = CODE | {"source": ["a\n", "b"], "outputs": [{"output_type": "stream", "name": "stderr", "text": "!"}]}
    (read,) = read_notebook(write(tmp_path, notebook_of(cell)))["cells"]
    assert (read["source"], read["outputs"], read["execution_count"]) == ("a\nb", [], None)


def test_surrogates_and_nul_become_the_replacement_character(tmp_path):
    """They cost at most their own cell: no database, file or checksum can hold them."""
    cell = CODE | {"source": "a\ud800\x00b", "metadata": {"nbgrader": {"grade_id": "\udfff"}}}
    (read,) = read_notebook(write(tmp_path, notebook_of(cell)))["cells"]
    assert read["source"] == "a\ufffd\ufffdb"
    assert read["metadata"]["nbgrader"]["grade_id"] == "\ufffd"
    json.dumps(read, ensure_ascii=False).encode()


def test_a_pair_of_surrogates_is_the_character_it_stands_for(tmp_path):
    (read,) = read_notebook(write(tmp_path, GOOD.replace(b"x = 1", b"\\ud83d\\ude00")))["cells"]
    assert read["source"] == "😀"


def test_metadata_that_is_none_and_ids_that_are_bad_or_double_are_put_right(tmp_path):
    cells = [CODE | {"id": "a", "metadata": None}, CODE | {"id": "a"}, CODE | {"id": "no id"}, CODE | {"id": 7}]
    notebook = read_notebook(write(tmp_path, notebook_of(*cells, metadata=[])))
    nbformat.validate(nbformat.from_dict(notebook))
    assert len({cell["id"] for cell in notebook["cells"]}) == 4


def test_pictures_pasted_into_an_answer_are_kept_and_other_attachments_are_not(tmp_path):
    given = {"a.png": {"image/png": ["AA", "=="], "text/html": "<script>"}, "b": {"text/html": "x"}, "c": 3}
    cell = {"cell_type": "markdown", "metadata": {}, "source": "", "attachments": given}
    (read,) = read_notebook(write(tmp_path, notebook_of(cell)))["cells"]
    assert read["attachments"] == {"a.png": {"image/png": "AA=="}}


def test_a_notebook_of_the_old_format_is_upgraded(tmp_path):
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [
            {"metadata": {}, "cells": [{"cell_type": "code", "input": "x = 1", "language": "python", "outputs": []}]}
        ],
    }
    (read,) = read_notebook(write(tmp_path, old))["cells"]
    assert (read["cell_type"], read["source"]) == ("code", "x = 1")


def test_a_large_honest_notebook_is_read(tmp_path):
    figure = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 100_000}}
    cells = [CODE | {"outputs": [figure]}] * 200
    assert len(cells) < MAX_CELLS
    assert len(read_notebook(write(tmp_path, notebook_of(*cells)))["cells"]) == 200


def test_nbgraders_own_submissions_are_read(shipped):
    nbformat.validate(nbformat.from_dict(read_notebook(shipped)))

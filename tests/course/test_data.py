"""The data sets beside the notebooks are what scripts/data makes."""

import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def test_committed_data_is_what_the_script_makes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "scripts" / "data", tmp_path], check=True)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.npz"))
    assert made == sorted(path.relative_to(ROOT / "source") for path in (ROOT / "source").rglob("*.npz"))
    for name in made:
        fresh, committed = np.load(tmp_path / name), np.load(ROOT / "source" / name)
        assert set(fresh.files) == set(committed.files)
        for key in fresh.files:
            np.testing.assert_allclose(committed[key], fresh[key], rtol=1e-12, err_msg=str(name))

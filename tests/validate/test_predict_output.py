"""What `predict` gives: files, figures, reports, progress, and words for what cannot be predicted."""

import math

import numpy as np
import pytest
from predicted import MIXTURE, QUIET

from meanfield import (
    CfgfieldError,
    DensityRatio,
    euler,
    karras_sigmas,
)
from simulate import Mixture, StartWarning
from validate import ComparisonError, Prediction, Predictions, StoreError, predict, read_dataset, write_dataset


def test_results_are_kept_in_files_and_read_by_people(cats, everything, tmp_path):
    for kind, found in ((Prediction, cats), (Predictions, everything)):
        write_dataset(found.dataset, tmp_path / "found.nc", overwrite=True)
        again = kind(read_dataset(tmp_path / "found.nc"))
        assert repr(again) == repr(found) and again.warnings == found.warnings
        numbers = [v for name, v in found.dataset.data_vars.items() if v.dtype.kind == "f"]
        assert len(numbers) > 30 and all(v.attrs.get("long_name") and v.attrs.get("units") for v in numbers)
    lines = repr(cats).splitlines()
    assert len([x for x in lines if not x.startswith("  !")]) <= 10 and all(
        len(x) <= 120 for x in lines if "  !" not in x
    )
    assert "class 'cat'" in lines[0] and "average" in repr(everything)
    with pytest.raises(ComparisonError, match="dataset must be that of a Prediction"):
        Prediction(everything.dataset)


@pytest.mark.parametrize("columns", [1, 3])
def test_figures_show_what_is_in_the_data(cats, everything, columns):
    _, axes = cats.plot(columns=columns)
    assert axes.shape == ((3, 1) if columns == 1 else (1, 3)) and "Modes" in axes.flat[1].get_title(loc="left")
    heights = [bar.get_height() for bar in axes.flat[1].patches]
    assert np.allclose(heights, [*cats.dataset.share_unguided, *cats.dataset.share])
    _, axes = everything.plot(columns=columns)
    assert [text.get_text() for text in axes.flat[0].get_xticklabels()] == ["cat", "dog", "eel"]
    with pytest.raises(ComparisonError, match="columns must be 1 or 3; got 2"):
        cats.plot(columns=2)


def test_a_report_is_one_file_with_warnings_first_and_is_not_overwritten(cats, everything, tmp_path):
    for found in (cats, everything):
        path = tmp_path / f"{type(found).__name__}.html"
        found.report(path)
        text = path.read_text()
        assert "http" not in text and 'src="data:image/svg+xml;base64,' in text and 'name="viewport"' in text
        assert text.index("Warnings") < text.index("<img") < text.index("Provenance")
        assert found.text("trace_ratio") in text and "one covariance for all classes" in text
        with pytest.raises(StoreError):
            found.report(path)
        assert path.read_text() == text
    found.report(path, overwrite=True)
    odd = Mixture([[0.0], [3.0]], variances=0.5, labels=["<script>", "b"])
    predict(odd, n_samples=64, **QUIET).report(tmp_path / "odd.html")
    assert "<script>" not in (tmp_path / "odd.html").read_text()


def clipped(model, noise):
    """Code whose samples end on the faces of a cube, most of them."""
    return np.clip(euler(karras_sigmas(20, 0.02, 60.0))(model, noise), -0.1, 0.1)


def test_samples_that_do_not_vary_are_no_surprise():
    mixture = Mixture([[3.0, 0.0], [-3.0, 0.0]], variances=0.05)
    found = predict(mixture, 0, 1.0, sampler=clipped, shape=(2,), n_samples=64, progress=False)
    assert math.isnan(found.estimate("kl").value) and "do not vary in some direction" in " ".join(found.warnings)
    assert "-" in repr(found) and "Without guidance the trace is" in found.warnings[0]


def test_progress_goes_from_nothing_to_all():
    seen = []
    predict(MIXTURE, n_samples=64, n_steps=40, progress=lambda done, total: seen.append((done, total)))
    done, total = np.array(seen).T
    assert np.all(np.diff(done) >= 0) and done[-1] == total[-1] and len(set(total)) == 1 and len(set(done)) > 1000


BAD = {
    "no mixture": (lambda: predict(np.eye(2), 0), r"mixture must be a Mixture; got (.|\n)*Mixture"),
    "unknown": (lambda: predict(MIXTURE, "cow"), "target must be one of the classes .*got 'cow'"),
    "list": (lambda: predict(MIXTURE, ["cat"]), r"target must be one of the classes.*got \['cat'\]"),
    "nan": (lambda: predict(MIXTURE, "cat", math.nan), "w must be a number .*got nan"),
    "word": (lambda: predict(MIXTURE, "cat", "strong"), "must be a number; got 'strong'"),
    "many steps": (lambda: predict(MIXTURE, "cat", 1e4, n_steps=10), "must resolve the guidance.*Take n_steps="),
    "density": (lambda: predict(MIXTURE, "eel", DensityRatio(0.95)), "needs beta r < 1"),
    "samples": (lambda: predict(MIXTURE, "cat", n_samples=20), "n_samples must be .*>= 64.*got 20. 8 batches need 8"),
    "batches": (lambda: predict(MIXTURE, "cat", n_batches=2), "n_batches must be .*>= 4.*got 2"),
    "sampler": (lambda: predict(MIXTURE, "cat", sampler="sed"), "sampler must be .*got 'sed'"),
    "scheduler": (lambda: predict(MIXTURE, "cat", sampler={"a": 1}), "sampler must be .*from_diffusers"),
    "code": (lambda: predict(MIXTURE, "cat", sampler=lambda model, noise: noise()), "must call its model"),
    "start": (lambda: predict(MIXTURE, "cat", t_start=math.nan), "t_start must be a number > 0.*got nan"),
    "shape": (lambda: predict(MIXTURE, "cat", shape=(2,)), "shape is that of a sampler's code"),
    "name": (lambda: predict(MIXTURE, "cat", n_samples=64, **QUIET).estimate("shfit"), "name must be .*got 'shfit'"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_in_words(name):
    call, message = BAD[name]
    with pytest.raises(CfgfieldError, match=message) as caught:
        call()
    assert len(str(caught.value)) < 1500


def test_what_is_doubtful_is_said():
    with pytest.warns(StartWarning, match="Take t_start="):
        predict(MIXTURE, "cat", 0.0, t_start=0.5, n_samples=64, **QUIET)
    found = predict(Mixture(np.eye(40), variances=0.5), 0, 0.5, n_samples=64, **QUIET)
    assert "need n_samples > 80" in " ".join(found.warnings) and math.isnan(found.estimate("w2").value)
    centred = Mixture([[0.0], [1.0], [-1.0]], variances=0.1)
    assert "no direction" in " ".join(predict(centred, 0, 0.5, n_samples=64, **QUIET).warnings)

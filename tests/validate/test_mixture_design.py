"""Schedules tuned by particles of a mixture: the trace kept on fresh numbers, controls, rivals, what cannot be had."""

import json
import math
from functools import cache

import numpy as np
import pytest

from meanfield import Constant, Piecewise, ProblemError, Rescale
from simulate import Mixture, sample_mixture
from validate import ComparisonError, MixtureDesign, read_dataset, write_dataset
from validate.tuning.bench import Bench

MIXTURE = Mixture(
    [[0.0, 2.0], [0.0, -2.0], [1.5, 0.0], [-2.0, 1.0]],
    variances=[0.4, 0.4, 0.5, 0.3],
    labels=["cat", "cat", "dog", "eel"],
)
QUICK = {"theory": False, "n_steps": 40, "progress": False}
ROUGH = {**QUICK, "n_samples": 160, "tolerance": 0.05}  # of few samples, which are enough for this


@pytest.fixture(scope="module")
def weaker():
    return MIXTURE.design("dog", shift=0.3, **QUICK)


@pytest.fixture(scope="module")
def dog():
    return MIXTURE.design("dog", n_samples=1000, **QUICK)


@cache
def traces(guidance, target, sampler, seed):
    """Of eight batches, on random numbers that are the same for every guidance."""
    problem = MIXTURE.problem(target, guidance, sampler)
    x = sample_mixture(problem, MIXTURE, target=target, n_samples=16000, n_steps=40, seed=seed)
    return np.array([np.trace(np.cov(batch.T)) for batch in np.split(x, 8)])


def trace_ratio(schedule, target="dog", sampler="ode", seed=77):
    """With its error, written out with NumPy, on random numbers of its own."""
    ratios = traces(schedule, target, sampler, seed) / traces(0.0, target, sampler, seed)
    return np.mean(ratios), np.std(ratios, ddof=1) / math.sqrt(8)


@pytest.mark.parametrize("sampler", ["ode", "sde"])
def test_the_tuned_window_keeps_the_trace_within_one_percent_and_its_neighbours_do_not(dog, sampler):
    made = dog if sampler == "ode" else MIXTURE.design("dog", sampler="sde", n_samples=1000, **QUICK)
    assert made.kept, repr(made)
    ratio, error = trace_ratio(made.schedule, sampler=sampler)
    assert error < 0.005
    assert abs(ratio - 1.0) < 0.01 + 3.0 * error
    (t,), (late, early) = made.schedule.edges, made.schedule.values
    decade = 0.1 * math.log(made.dataset.attrs["t_start"] / 0.5)  # a tenth of the range of log t
    for moved in (t * math.exp(decade), t * math.exp(-decade)):
        ratio, error = trace_ratio(Piecewise([moved], [late, early]), sampler=sampler)
        assert abs(ratio - 1.0) > 0.01 + 3.0 * error, "negative control"
    assert made.estimate("shift").value > 10 * made.estimate("shift").stderr


def test_rivals_have_the_same_shift_and_keep_less(dog):
    shift, error = dog.estimate("shift")
    assert set(dog.candidates) == {"window", "constant", "early only", "late unconditional", "interval"}
    for name in dog.candidates:
        other = dog.estimate("shift", name)
        assert other.value == pytest.approx(shift, abs=0.02 * shift + 4.0 * math.hypot(error, other.stderr))
    assert dog.candidates[0] == "window"
    ratio, error = dog.estimate("trace_ratio", "constant")
    assert ratio < 0.99 - 5.0 * error, "constant guidance does not keep it"


def test_numbers_are_of_fresh_random_numbers_and_sampling_again_gives_them(dog):
    """The bench has another seed; the verified numbers are those of the batches written out."""
    about, n = dog.dataset.attrs, int(dog.dataset.n_samples.sel(candidate="constant"))
    k = MIXTURE.classes.index("dog")
    sides = []
    for guidance in (dog.of("constant"), 0.0):
        problem = MIXTURE.problem("dog", guidance)
        options = {"n_samples": n // 8, "n_steps": 40, "seed": about["seed"] + 1}
        sides.append(
            np.concatenate(
                [sample_mixture(problem, MIXTURE, target="dog", draw=8 * k + b, **options) for b in range(8)]
            )
        )
    ratio = np.trace(np.cov(sides[0].T)) / np.trace(np.cov(sides[1].T))
    assert dog.estimate("trace_ratio", "constant").value == pytest.approx(ratio, abs=2e-3)


def test_samples_that_stray_to_other_classes_are_seen():
    """Unconditional for long, many stray; constant guidance loses none."""
    options = {"n_samples": 1000, "n_steps": 40, "seed": 3}
    bench = Bench(MIXTURE.problem("dog"), MIXTURE, "dog", show=lambda n: None, **options)
    late, constant = bench(Piecewise([100.0], [-1.0, 6.0])), bench(Constant(2.0))
    assert late.strayed > 0.1
    assert late.loses(0.01)
    assert constant.strayed <= 0.0
    assert not constant.loses(0.01), "negative control"


def test_a_smaller_shift_is_reached_and_a_larger_one_says_what_is(weaker):
    assert weaker.estimate("shift").value == pytest.approx(0.3, abs=0.01)
    assert json.loads(weaker.dataset.attrs["window"])[0] < 6.0
    with pytest.raises(ProblemError, match=r"largest shift that keeps the trace at 1 .* is 0\.\d+"):
        MIXTURE.design("dog", shift=50.0, **ROUGH)


def test_a_shift_that_few_samples_had_is_had_on_more_of_them(monkeypatch):
    """The window is found on few samples, and looked for again on more: there its shift is another."""
    made = MIXTURE.design("dog", shift=0.3, seed=2, **QUICK)
    assert made.estimate("shift").value == pytest.approx(0.3, abs=0.003)
    monkeypatch.setattr("validate.tuning.designing._aimed", lambda bench, axis, window, *rest: window)
    off = MIXTURE.design("dog", shift=0.3, seed=2, **QUICK)
    assert abs(off.estimate("shift").value - 0.3) > 0.01, "negative control"


def test_a_shift_that_is_missed_is_said_with_what_was_reached(weaker):
    """Below a sixty-fourth of w_max nothing is searched."""
    made = MIXTURE.design("dog", shift=0.002, n_samples=400, **QUICK)
    (line,) = [text for text in made.warnings if "missed" in text]
    assert "The shift of 0.002" in line and made.text("shift") in line and line in repr(made)
    assert made.estimate("shift").value > 0.01
    assert not [text for text in weaker.warnings if "missed" in text]  # negative control


def test_rivals_that_do_not_reach_the_accuracy_are_named_with_the_reason(dog, tmp_path):
    """Unguided samples of classes so far apart are surer than those of the window."""
    means = [[0.0, 3.0], [2.25, 0.0], [-3.0, 1.5]]
    mixture = Mixture(means, variances=[0.4, 0.5, 0.3], labels=["cat", "dog", "eel"])
    made = mixture.design("cat", equal="accuracy", n_samples=400, **QUICK)
    assert set(made.left_out) == {"constant", "early only", "interval"}
    assert set(made.candidates) == {"window", "late unconditional"}
    made.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for name, why in made.left_out.items():
        (line,) = [text for text in made.warnings if text.startswith(f"{name} is left out")]
        assert "mean log posterior is" in why and why in line and line in repr(made)
        assert page.count(why.replace("<", "&lt;")) == 2  # among the warnings, and in the table of schedules
        low, high, level = (float(x.strip(",")) for x in why.split() if x.strip(",").startswith("-"))
        assert level < low < high <= 0.0
    assert dog.left_out == {} and "left out" not in repr(dog)  # negative control
    with pytest.raises(Exception, match="must not exist yet"):
        made.report(tmp_path / "report.html")


def test_a_trace_that_cannot_be_kept_is_said_plainly():
    """Without a negative window guidance only narrows this class."""
    made = MIXTURE.design("dog", w_min=0.0, **ROUGH)
    assert not made.kept
    assert "not kept" in made.warnings[0]
    assert "NOT KEPT" in repr(made)
    assert made.estimate("trace_ratio").value < 0.9


def test_a_mode_that_is_lost_is_said_for_every_candidate_and_one_that_is_kept_is_not():
    """A small mode of one class lies under another class: guidance empties it. Far apart it stays."""
    near, far = (
        Mixture([[0.0, 3.0], [0.0, -3.0], b], variances=[0.3, 0.3, 0.5], weights=[4, 1, 8], labels=["a", "a", "b"])
        for b in ([0.0, -3.0], [30.0, 0.0])
    )
    made = near.design("a", w_max=8.0, w_min=0.0, **QUICK)  # constant guidance: no window to tune
    assert made.lost() == made.lost("constant") == (1,)
    assert any("constant loses modes: components [1]" in line for line in made.warnings)
    made = far.design("a", w_max=8.0, w_min=0.0, **QUICK)
    assert all(made.lost(name) == () for name in made.candidates), "negative control"


def test_equal_accuracy_and_the_amplitude_of_a_rule():
    made = MIXTURE.design("dog", equal="accuracy", **QUICK)
    level, error = made.estimate("log_posterior")
    other = made.estimate("log_posterior", "early only")
    assert other.value == pytest.approx(level, abs=0.02 * abs(level) + 4.0 * math.hypot(error, other.stderr))
    ruled = MIXTURE.design("dog", guidance=Rescale(1.0, phi=0.3), w_max=3.0, **ROUGH)
    plain = MIXTURE.design("dog", w_max=3.0, **ROUGH)
    assert ruled.schedule != plain.schedule


def test_it_is_kept_in_a_file_drawn_and_exported(dog, tmp_path):
    write_dataset(dog.dataset, tmp_path / "design.nc")
    again = MixtureDesign(read_dataset(tmp_path / "design.nc"))
    assert repr(again) == repr(dog)
    assert again.schedule == dog.schedule
    levels = dog.schedule.for_timesteps(sigmas=[20.0, 5.0, 1.0]).scales
    assert len(levels) == 3
    figure, axes = dog.plot()
    assert "shift" in axes.ravel()[0].get_xlabel()
    figure.canvas.draw()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"w_max": 0.0}, "w_max must be a number > 0"),
        ({"w_min": 0.5}, "w_min must be a number >= -10 and <= 0"),
        ({"keep": 0.0}, "keep must be"),
        ({"keep": 11.0}, "keep must be"),
        ({"tolerance": 0.0}, "tolerance must be"),
        ({"target": "cow"}, "target must be one of the classes"),
        ({"equal": "beauty"}, "equal must be one of"),
        ({"guidance": 2.0}, "guidance must be a rule"),
        ({"n_samples": 10}, "n_samples must be"),
        ({"shift": -1.0}, "shift must be"),
    ],
)
def test_bad_input_is_refused_with_rule_value_and_remedy(options, words):
    with pytest.raises(ProblemError, match=words):
        MIXTURE.design(**{"target": "dog", **QUICK, **options})


def test_a_start_that_does_not_cover_the_data_is_refused_or_said():
    """Units and a centre of any kind; too few steps for them."""
    far = Mixture(MIXTURE.means + 1e4, variances=0.4)
    with pytest.warns(UserWarning, match="start must cover"), pytest.raises(ProblemError, match="centre them"):
        far.design(2, **ROUGH)
    scaled = Mixture(MIXTURE.means * 1e6, variances=0.4e12)
    made = scaled.design(2, **ROUGH)
    same = Mixture(MIXTURE.means, variances=0.4).design(2, **ROUGH)
    assert made.estimate("trace_ratio") == pytest.approx(same.estimate("trace_ratio"), rel=1e-6)
    dataset = same.dataset.copy(deep=True)
    dataset["trace_unguided"] = dataset.trace_unguided + 0.2
    assert "Without guidance" in MixtureDesign(dataset).warnings[-1]
    assert not [text for text in same.warnings if "Without guidance" in text]  # negative control


def test_what_cannot_be_designed():
    with pytest.raises(ProblemError, match="single class"):
        Mixture([[0.0, 0.0]], variances=1.0).design(0, **QUICK)
    with pytest.raises(ProblemError, match="same mean"):
        Mixture([[0.0, 0.0], [0.0, 0.0]], variances=[1.0, 2.0]).design(0, **QUICK)
    with pytest.raises(ComparisonError, match="MixtureDesign"):
        MixtureDesign(np.zeros(3))

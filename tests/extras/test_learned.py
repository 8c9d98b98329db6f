"""Training on the real digits: data, resuming to the bit, refusals, and one honest short training with its control."""

import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from meanfield import CustomRule, Projected
from meanfield.errors import ProblemError
from simulate import PointScore, sample_scores
from simulate.learned import (
    BLUR,
    CheckpointError,
    Training,
    digit_problem,
    load_digits,
    make_classifier,
    train,
)
from simulate.learned.checkpoint import write_checkpoint
from validate import wilson

ROOT = Path(__file__).resolve().parents[2]
TINY = Training(steps=60, batch=32, width=16, depth=1)
DIGITS = load_digits()
LABELS = np.repeat(np.arange(10), 40)


def bits(score):
    return [p.numpy().tobytes() for p in score.network.state_dict().values()] + [score.losses.tobytes()]


def test_the_halves_are_stratified_disjoint_and_in_the_units_of_the_theory():
    assert len(DIGITS.x) == 901 and len(DIGITS.x_held_out) == 896
    counts = np.bincount(DIGITS.labels) - np.bincount(DIGITS.labels_held_out)
    assert set(counts) <= {0, 1}
    shared = {x.tobytes() for x in DIGITS.x} & {x.tobytes() for x in DIGITS.x_held_out}
    assert not shared
    means, covariances = DIGITS.moments()
    assert np.allclose(means.mean(axis=0), 0.0, atol=1e-12) and abs(np.sum(means**2) / 10 / 60 - 1.0) < 1e-12
    assert np.linalg.eigvalsh(covariances).min() > BLUR * (1 - 1e-9)
    pixels = DIGITS.pixels(DIGITS.x)
    assert pixels.shape == (901, 8, 8) and np.allclose(pixels, np.round(pixels)) and np.allclose(pixels.max(), 16.0)
    noise = DIGITS.blurred("held-out") - DIGITS.x_held_out
    assert abs(noise.var() / BLUR - 1.0) < 4 * (2 / noise.size) ** 0.5
    with pytest.raises(ProblemError, match="half must be"):
        DIGITS.blurred("test")


def test_other_splits_halve_every_class_at_random():
    def pixels(digits, half):
        return [bytes(image) for image in np.round(digits.scale * half + digits.centre).astype(np.uint8)]

    first, other = load_digits(1), load_digits(2)
    for digits in (first, other):
        assert len(digits.x) == 901 and set(np.bincount(digits.labels) - np.bincount(digits.labels_held_out)) <= {0, 1}
        both = [sorted(pixels(d, d.x) + pixels(d, d.x_held_out)) for d in (digits, DIGITS)]
        assert both[0] == both[1]  # the same images, elsewhere
    shared = len({*pixels(first, first.x)} & {*pixels(other, other.x)})
    assert abs(shared / 901 - 0.5) < 4 * 0.5 / 901**0.5  # two splits are independent
    assert np.array_equal(load_digits(1).x, first.x)
    with pytest.raises(ProblemError, match="split must be a whole number >= 0"):
        load_digits(-1)


def test_a_training_learns_the_images_it_is_given(tmp_path):
    file, other = tmp_path / "score.pt", load_digits(1)
    first = bits(train(TINY.replace(steps=3), images=other, checkpoint=file, progress=False))
    assert first != bits(train(TINY.replace(steps=3), progress=False))
    with pytest.raises(CheckpointError, match="other images, split or blur"):
        train(TINY.replace(steps=3), checkpoint=file)
    with pytest.raises(ProblemError, match="images must be those that load_digits"):
        train(TINY, images=np.zeros((5, 64)))


def test_the_classifier_is_independent_and_good():
    classify = make_classifier(DIGITS)
    right = int(np.sum(classify(DIGITS.blurred("generator")) == DIGITS.labels))
    assert wilson(right, 901)[0] > 0.96


def test_a_killed_run_ends_in_the_same_bits(tmp_path):
    """SIGKILL in the middle: what is on the disk is a whole checkpoint, and the run goes on from it."""
    file, training = tmp_path / "score.pt", TINY.replace(steps=600)
    code = (
        "import os, signal\n"
        "from simulate.learned import Training, train\n"
        "def die(done, total):\n"
        "    if done == 333: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"train({training!r}, checkpoint={str(file)!r}, every=20, progress=die)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == -signal.SIGKILL
    assert torch.load(file, weights_only=True)["step"] == 320
    assert bits(train(training, checkpoint=file, every=10**6)) == bits(train(training, progress=False))


def test_an_interrupted_run_ends_in_the_same_bits(tmp_path):
    class Stop(Exception):
        pass

    def stop(done, total):
        if done == 47:
            raise Stop

    before = torch.get_rng_state()
    whole = train(TINY, progress=False)
    assert torch.equal(before, torch.get_rng_state())  # the generator of the user is left alone
    file = tmp_path / "score.pt"
    with pytest.raises(Stop):
        train(TINY, checkpoint=file, every=10, progress=stop)
    assert torch.load(file, weights_only=True)["step"] == 40
    seen = []
    resumed = train(TINY, checkpoint=file, every=10, progress=lambda done, total: seen.append(done))
    assert seen[0] == 40 and bits(resumed) == bits(whole)
    assert bits(train(TINY, checkpoint=file)) == bits(whole)  # finished: nothing is trained
    assert bits(train(TINY.replace(seed=1), progress=False)) != bits(whole)  # negative control
    assert not list(tmp_path.glob("*.tmp"))


def test_a_checkpoint_that_does_not_belong_is_refused(tmp_path):
    file = tmp_path / "score.pt"
    train(TINY.replace(steps=3), checkpoint=file, progress=False)
    for other in (TINY.replace(steps=4), TINY.replace(steps=3, width=8), TINY.replace(steps=3, labels="shuffled")):
        with pytest.raises(CheckpointError, match=r"same training; .*score.pt has (steps|width|labels)=.* instead of"):
            train(other, checkpoint=file)
    content = file.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"not a checkpoint"):
        file.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"complete file of this package.*Delete it"):
            train(TINY.replace(steps=3), checkpoint=file)
        assert file.read_bytes() == damaged  # never overwritten
    torch.save({"format": "something else"}, file)
    with pytest.raises(CheckpointError, match="none of this package"):
        train(TINY.replace(steps=3), checkpoint=file)
    with pytest.raises(CheckpointError, match="folder that can be written"):
        train(TINY.replace(steps=3), checkpoint="/proc/nowhere/score.pt", progress=False)


def test_an_unfinished_checkpoint_of_another_torch_is_refused(tmp_path, monkeypatch):
    file, training = tmp_path / "score.pt", TINY.replace(steps=3)
    state = written(file, training)
    with monkeypatch.context() as other:
        other.setattr(torch, "__version__", "1.0")
        write_checkpoint(file, state, asdict(training), DIGITS)
        write_checkpoint(tmp_path / "half.pt", {**state, "step": 2}, asdict(training), DIGITS)
    train(training, checkpoint=file)  # finished: the weights are what they are
    with pytest.raises(CheckpointError, match=r"same torch.*is of 1\.0"):
        train(training, checkpoint=tmp_path / "half.pt")


def written(file, training):
    """A finished training and its file; returns what the file holds of the run."""
    train(training, checkpoint=file, progress=False)
    about = ("format", "training", "data", "torch", "hash")
    return {name: value for name, value in torch.load(file, weights_only=True).items() if name not in about}


def test_one_changed_byte_is_noticed(tmp_path):
    """torch reads such a file without a word (the control), and one would go on from other weights."""
    file, training = tmp_path / "score.pt", TINY.replace(steps=3)
    state = written(file, training)
    content = file.read_bytes()
    for tensor in (state["network"]["into.weight"], state["average"]["out.weight"], state["losses"], state["labels"]):
        place = content.index(tensor.numpy().tobytes()) + 6
        file.write_bytes(content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :])
        torch.load(file, weights_only=True)
        with pytest.raises(CheckpointError, match=r"content has changed since it was written\)\. Delete it"):
            train(training, checkpoint=file)
    file.write_bytes(content)
    train(training, checkpoint=file)


@pytest.mark.parametrize(
    "changes",
    [
        {"step": "x"}, {"step": -5}, {"step": 9999}, {"step": 1.5}, {"network": {}}, {"average": 3}, {"optimiser": {}},
        {"generator": torch.zeros(3)}, {"labels": torch.zeros(5, dtype=torch.long)}, {"labels": "a"},
        {"losses": torch.zeros(2)},
    ],
    ids=str,
)  # fmt: skip
def test_a_checkpoint_made_by_hand_is_refused(tmp_path, changes):
    file, training = tmp_path / "score.pt", TINY.replace(steps=3)
    state = written(file, training)
    write_checkpoint(file, {**state, **changes}, asdict(training), DIGITS)
    with pytest.raises(CheckpointError, match=r"complete file of this package.*Delete it"):
        train(training, checkpoint=file)


def test_the_moments_of_another_network_are_refused(tmp_path):
    file, training = tmp_path / "score.pt", TINY.replace(steps=3)
    wider = written(tmp_path / "wider.pt", training.replace(width=8))["optimiser"]
    write_checkpoint(file, {**written(file, training), "optimiser": wider}, asdict(training), DIGITS)
    with pytest.raises(CheckpointError, match="its optimiser is of another network"):
        train(training, checkpoint=file)


def test_samples_of_another_shape_are_refused():
    classify = make_classifier(DIGITS)
    for x in (np.zeros((5, 3)), np.zeros(64), np.full((2, 64), np.nan), np.float64(1.0)):
        with pytest.raises(ProblemError, match=r"finite samples of shape \(samples, 64\)"):
            classify(x)
    with pytest.raises(ProblemError, match="x must be an array of numbers"):
        classify(np.full((1, 64), "a"))
    with pytest.raises(ProblemError, match=r"shape \(\.\.\., 64\); got \(3,\)"):
        DIGITS.pixels(np.zeros(3))


def test_a_network_that_saw_nothing_knows_no_classes():
    """F = 0: s_c = s_u, the score of one Gaussian; guidance changes nothing but rounding."""
    score = train(TINY.replace(steps=1, learning_rate=1e-12), progress=False)
    x = [score.sample(digit_problem(w), LABELS, n_steps=20) for w in (0.0, 3.0)]
    assert np.abs(x[1] - x[0]).max() < 1e-3
    u = np.linalg.eigvalsh(np.cov(DIGITS.x.T, bias=True))
    assert abs(x[0].var(axis=0).sum() / (u.sum() + 64 * BLUR) - 1.0) < 0.1


@pytest.fixture(scope="module")
def trained():
    return {labels: train(Training(steps=500, labels=labels), progress=False) for labels in ("true", "shuffled")}


def test_a_short_training_reaches_its_bar_and_shuffled_labels_do_not(trained):
    classify = make_classifier(DIGITS)
    right = {}
    for labels, score in trained.items():
        for w in (0.0, 2.0):
            x = score.sample(digit_problem(w), LABELS, n_steps=30)
            right[labels, w] = int(np.sum(classify(x) == LABELS))
    n = len(LABELS)
    assert wilson(right["true", 0.0], n)[0] > 0.80 and wilson(right["true", 2.0], n)[0] > 0.95
    for w in (0.0, 2.0):
        low, high = wilson(right["shuffled", w], n, level=0.001)
        assert low < 0.1 and high < 0.2  # negative control: chance, 0.09 of the shuffled labels being true ones


def test_the_learned_score_is_near_the_exact_one_of_its_training_set_at_high_noise(trained):
    """There the network cannot have memorised: both are the score of few moments. Relative error of s_c + x/s."""
    exact, learned = PointScore(DIGITS.x[DIGITS.labels == 3], BLUR), trained["true"].conditional(np.full(50, 3))
    wrong = PointScore(DIGITS.x[DIGITS.labels == 7], BLUR)
    rng = np.random.default_rng(0)
    t = 100.0
    x = DIGITS.x[DIGITS.labels == 3][:50] + t**0.5 * rng.normal(size=(50, 64))
    pull = [(f(x, t) * (BLUR + t) + x) for f in (exact, learned, wrong)]
    error = [np.mean((p - pull[0]) ** 2) / np.mean(pull[0] ** 2) for p in pull[1:]]
    assert error[0] < 0.1 < 0.5 < error[1]


def test_samples_do_not_depend_on_what_runs_beside_them(trained):
    a = trained["true"].sample(digit_problem(1.0), LABELS[:8], n_steps=10, seed=3)
    torch.manual_seed(7)
    before = torch.get_num_threads()
    b = trained["true"].sample(digit_problem(1.0), LABELS[:8], n_steps=10, seed=3)
    assert np.array_equal(a, b) and torch.get_num_threads() == before


def test_a_rule_acts_on_the_predictions_of_the_network(trained):
    """CFG as a rule is the weight, sample by sample; a rule of its own moves samples elsewhere."""
    score, options = trained["true"], {"n_steps": 30, "seed": 2}

    def cfg(x, cond, uncond, t, w):
        return cond + w * (cond - uncond)

    weight, rule, projected, strong = (
        score.sample(digit_problem(g), LABELS, **options)
        for g in (2.0, CustomRule(cfg, 2.0), Projected(2.0), CustomRule(cfg, 2.2))
    )
    assert np.abs(rule - weight).max() < 1e-3  # the last steps end at t_end, and the network computes in float32
    assert np.abs(strong - weight).max() > 0.05  # negative control
    assert np.abs(projected - weight).max() > 0.5


def test_bad_input_of_samples(trained):
    score = trained["true"]
    for labels in ([10], [-1], [0.5], [], "7", [[1], [2, 3]]):
        with pytest.raises(ProblemError, match="labels must be a list of digits"):
            score.sample(digit_problem(), labels)
    for problem in (digit_problem(t_start=7000.0), digit_problem().replace(sigma2=0.25)):
        with pytest.raises(ProblemError, match=r"sigma2 = 0.02 and a start at t <= 6400"):
            score.sample(problem, [1])
    with pytest.raises(ProblemError, match="every sample needs a label; got 2 labels for 3"):
        sample_scores(digit_problem(), score.conditional([1, 2]), score.unconditional, 64, n_samples=3, n_steps=5)
    for seed in (-1, "a"):
        with pytest.raises(ProblemError, match="seed must be a whole number"):
            score.sample(digit_problem(), [1], seed=seed)
    with pytest.raises(ProblemError, match=r"x must have the shape \(samples, 64\)"):
        score.unconditional(np.zeros((2, 3)), 1.0)
    with pytest.raises(ProblemError, match="t must be a number >= 0"):
        score.conditional([1])(np.zeros((1, 64)), -1.0)
    assert "500 steps" in repr(score)

"""A latent space of MNIST: data from the package's own file, an autoencoder that survives, an honest short training."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from meanfield.errors import CfgfieldError, ProblemError
from simulate.learned import (
    CheckpointError,
    Coding,
    Training,
    digit_problem,
    encode_mnist,
    load_mnist,
    make_classifier,
    train,
)
from validate import wilson

ROOT = Path(__file__).resolve().parents[2]
TINY = Coding(steps=60, width=16, dim=4)


def bits(latent):
    return [p.numpy().tobytes() for p in latent.decoder.state_dict().values()] + [latent.codes.x.tobytes()]


@pytest.fixture(scope="module")
def latent():
    return encode_mnist(Coding(steps=400), progress=False)


def test_the_images_come_from_a_file_of_the_package(monkeypatch):
    def closed(*args, **options):
        raise AssertionError("nothing is downloaded")

    monkeypatch.setattr(socket, "socket", closed)
    images = load_mnist()
    assert images.x.shape == images.x_held_out.shape == (2500, 784) and set(np.bincount(images.labels)) == {250}
    shared = {x.tobytes() for x in images.x} & {x.tobytes() for x in images.x_held_out}
    assert not shared


def test_a_killed_autoencoder_ends_in_the_same_bits_and_loses_an_epoch_at_most(tmp_path):
    file = tmp_path / "coding.pt"
    code = (
        "import os, signal\n"
        "from simulate.learned import Coding, encode_mnist\n"
        "def die(done, total):\n"
        "    if done == 47: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"encode_mnist({TINY!r}, checkpoint={str(file)!r}, progress=die)"
    )
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": paths})
    assert killed.returncode == -signal.SIGKILL
    assert torch.load(file, weights_only=True)["step"] == 40  # an epoch of 2500 images in batches of 128 has 20
    seen = []
    resumed = encode_mnist(TINY, checkpoint=file, progress=lambda done, total: seen.append(done))
    assert seen[0] == 40 and bits(resumed) == bits(encode_mnist(TINY, progress=False))
    assert bits(encode_mnist(Coding(steps=60, width=16, dim=4, seed=1), progress=False)) != bits(resumed)  # control
    for other in (Coding(steps=60, width=16, dim=5), Coding(steps=61, width=16, dim=4)):
        with pytest.raises(CheckpointError, match=r"same training; .* has (dim|steps)="):
            encode_mnist(other, checkpoint=file)
    with pytest.raises(CheckpointError, match="other images, split or blur"):
        encode_mnist(TINY, 1, checkpoint=file)


def test_a_code_says_which_image_it_is_of(latent):
    """Of images that the autoencoder has not seen, in the units of the classifier; control: the code of another one."""
    images, codes = latent.images, latent.codes
    means, _ = codes.moments()
    assert abs(np.sum(means**2) / 10 / 24 - 1.0) < 1e-9 and np.abs(means.mean(axis=0)).max() < 1e-9
    again = latent.decode(codes.x_held_out)
    spread = np.mean(images.x_held_out**2)
    assert np.mean((again - images.x_held_out) ** 2) < 0.4 * spread < np.mean((again[1:] - images.x_held_out[:-1]) ** 2)
    classify = make_classifier(images)
    right = [int(np.sum(classify(x) == images.labels)) for x in (latent.decode(codes.blurred("generator")), images.x)]
    assert wilson(right[0], 2500)[0] > 0.88 and wilson(right[1], 2500)[0] > 0.93


def test_guided_codes_decode_to_their_digit_and_shuffled_labels_do_not(latent):
    classify, labels, right = make_classifier(latent.images), np.repeat(np.arange(10), 30), {}
    for known in ("true", "shuffled"):
        score = train(Training(steps=300, labels=known), images=latent.codes, progress=False)
        x = score.sample(digit_problem(2.0), labels, n_steps=20)
        right[known] = int(np.sum(classify(latent.decode(x)) == labels))
    assert wilson(right["true"], 300)[0] > 0.85 and wilson(right["shuffled"], 300, level=0.001)[1] < 0.25


def test_an_interrupted_training_on_codes_loses_an_epoch_at_most(latent, tmp_path):
    class Stop(Exception):
        pass

    def stop(done, total):
        if done == 27:
            raise Stop

    file, settings = tmp_path / "score.pt", {"steps": 40, "width": 16, "depth": 1}
    training = Training(**settings)
    with pytest.raises(Stop):
        train(training, images=latent.codes, checkpoint=file, every=10, progress=stop)
    assert torch.load(file, weights_only=True)["step"] == 20  # an epoch of 2500 codes in batches of 256 has 10
    resumed, whole = (train(training, images=latent.codes, checkpoint=f, progress=False) for f in (file, None))
    x = [s.sample(digit_problem(1.0), [1, 2], n_steps=5) for s in (resumed, whole)]
    assert np.array_equal(x[0], x[1]) and np.array_equal(resumed.losses, whole.losses)
    other = train(training.replace(seed=1), images=latent.codes, progress=False)
    assert not np.array_equal(other.losses, whole.losses)  # control


def test_bad_codings_are_refused(latent):
    for changes in ({"steps": 0}, {"dim": 1}, {"width": 2.5}):
        with pytest.raises(CfgfieldError, match=f"{next(iter(changes))} must be a whole number"):
            Coding(**changes)
    with pytest.raises(ProblemError, match="coding must be a Coding; got 3"):
        encode_mnist(3)
    with pytest.raises(ProblemError, match=r"codes must be finite, of shape \(samples, 24\); got shape \(2, 3\)"):
        latent.decode(np.zeros((2, 3)))

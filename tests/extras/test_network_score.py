"""`NetworkScore` of torch modules: devices, precision and gradients; exact predictions in torch."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from meanfield import EDM
from meanfield.errors import ProblemError
from simulate import NetworkScore, sample_mixture, sample_scores

sys.path.append(str(Path(__file__).resolve().parents[1] / "simulate"))
from exact_networks import MIXTURE, NOISES, NULL, exact

PROBLEM = MIXTURE.problem("own", guidance=1.5, t_start=300.0)
OPTIONS = {"n_samples": 40, "n_steps": 60, "seed": 3}


class Exact(torch.nn.Module):
    """The exact prediction of the mixture."""

    def __init__(self, prediction, noise):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
        self.exact, self.seen = exact(prediction, noise), []

    def forward(self, x, level, labels):
        self.seen.append((x.dtype, level.dtype, labels.dtype, torch.is_grad_enabled(), tuple(x.shape)))
        return self.scale * torch.as_tensor(self.exact(x.numpy(), level.numpy(), labels.numpy()))


def sampled(network, t_end=1e-8):
    scores = network.conditional(0), network.unconditional
    return sample_scores(PROBLEM, *scores, network.dim, t_end=t_end, **OPTIONS)


def rms(x):
    return float(np.sqrt(np.mean(x**2)))


@pytest.mark.parametrize("noise", ["edm", "vp", "steps"])
@pytest.mark.parametrize("prediction", ["eps", "x0", "v"])
def test_exact_modules_give_the_samples_of_the_mixture(prediction, noise):
    truth = sample_mixture(PROBLEM, MIXTURE, target="own", **OPTIONS)
    module = Exact(prediction, noise).eval()
    network = NetworkScore(module, prediction, (1, 1, 3), **NOISES[noise], null_label=NULL, dtype="float64", batch=16)
    assert rms(sampled(network) - truth) < 1e-5
    dtypes = {seen[:4] for seen in module.seen}
    assert dtypes == {(torch.float64, torch.float64, torch.int64, False)}
    assert {seen[4][1:] for seen in module.seen} == {(1, 1, 3)} and max(seen[4][0] for seen in module.seen) == 16
    other = {"eps": "x0", "x0": "v", "v": "eps"}[prediction]
    wrong = NetworkScore(module, other, (1, 1, 3), **NOISES[noise], null_label=NULL, dtype="float64")
    found = wrong.check(MIXTURE.draw(n_samples=500))  # negative control
    assert not found.ok and found.sentence.endswith(f"read as {prediction} it is.")


def test_the_device_is_that_of_the_weights_and_single_precision_the_default():
    module = torch.nn.Linear(3, 3).eval()

    class Called(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = module

        def forward(self, x, sigma, labels):
            assert x.dtype == sigma.dtype == torch.float32 and x.device == self.inner.weight.device
            return self.inner(x)

    made = NetworkScore(Called().eval(), "eps", 3, noise=EDM(), null_label=0)
    assert made.device == module.weight.device
    score = made.unconditional(np.ones((2, 3)), 4.0)
    assert score.dtype == np.float64 and np.allclose(score[0], -module(torch.ones(3)).detach().numpy() / 2.0, atol=1e-6)
    function = NetworkScore(lambda x, s, c: module(x), "eps", 3, noise=EDM(), null_label=0, device="cpu")
    assert np.array_equal(function.unconditional(np.ones((2, 3)), 4.0), score)


def test_training_mode_dropout_and_wrong_precision_are_refused():
    module = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Dropout(0.5))

    class Called(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = module

        def forward(self, x, sigma, labels):
            return self.inner(x)

    made = NetworkScore(Called(), "eps", 3, noise=EDM(), null_label=0)
    with pytest.raises(ProblemError, match=r"eval mode.*Call model.eval\(\)"):
        _ = made.unconditional
    hidden = NetworkScore(lambda x, s, c: module(x), "eps", 3, noise=EDM(), null_label=0, device="cpu")
    with pytest.raises(ProblemError, match="same output for the same input"):
        _ = hidden.unconditional
    made.model.eval()
    double = NetworkScore(made.model, "eps", 3, noise=EDM(), null_label=0, dtype="float64")
    with pytest.raises(ProblemError, match="it raised RuntimeError"):
        _ = double.unconditional
    assert np.isfinite(made.unconditional(np.ones((1, 3)), 1.0)).all()

"""A mixture of three classes, one of three modes, that tests of `predict` share."""

from simulate import Mixture

MEANS = [[0.0, 2.0], [0.0, -2.0], [1.2, 0.0], [3.0, 0.0], [-2.0, 1.0]]
MIXTURE = Mixture(
    MEANS, variances=[0.5, 0.3, 0.3, 0.6, 0.4], weights=[2, 2, 1, 2, 1], labels=["cat", "cat", "cat", "dog", "eel"]
)
QUIET = {"n_steps": 40, "progress": False}

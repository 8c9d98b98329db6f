"""Networks that are exact: what a perfect one would predict of a mixture, in every parametrisation and noise."""

import numpy as np

from meanfield import EDM, RectifiedFlow, VPLinear
from simulate import Mixture

MIXTURE = Mixture(
    [[1.5, 0.0, 1.0], [-1.0, 0.5, 0.0], [-1.0, -2.0, 0.0], [0.0, 2.0, -1.0]],
    variances=0.3,
    weights=[0.4, 0.2, 0.1, 0.3],
    labels=["own", "two", "two", "other"],
)
NULL = 7  # no label; others are indices of classes
T = np.geomspace(1e-9, 400.0, 1500)  # VE times of training steps
STEPS = {"alphas_cumprod": 1.0 / (1.0 + T)}
NOISES = {
    "edm": {"noise": EDM()},
    "vp": {"noise": VPLinear()},
    "flow": {"noise": RectifiedFlow()},
    "steps": STEPS,
}
PREDICTIONS = ("eps", "x0", "v", "flow", "score")


def exact(prediction, noise, mixture=MIXTURE):
    """model(x, level, labels) in double precision, written out from the definitions."""

    def of_level(level):
        if noise == "steps":
            t = float(np.exp(np.interp(level, np.arange(len(T)), np.log(T))))
            return 1.0 / np.sqrt(1.0 + t), np.sqrt(t / (1.0 + t))
        process = NOISES[noise]["noise"]
        return float(process.a(level)), float(process.b(level))

    def model(x, level, labels):
        a, b = of_level(float(level[0]))
        x, out = np.asarray(x, float), np.empty(x.shape)
        for label in np.unique(labels):
            rows = labels == label
            y = x[rows].reshape(rows.sum(), -1) / a
            s = mixture.score(None if label == NULL else mixture.classes[label])(y, (b / a) ** 2)
            x0 = y + (b / a) ** 2 * s
            eps = -(b / a) * s
            kinds = {"eps": eps, "x0": x0, "v": a * eps - b * x0, "flow": eps - x0, "score": s / a}
            out[rows] = kinds[prediction].reshape(x[rows].shape)
        return out

    return model

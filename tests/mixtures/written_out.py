"""A mixture written out with nothing of the package: scores by solves, flows by an adaptive integrator."""

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import logsumexp


class WrittenOut:
    """Weights, means (K, d) and full covariances (K, d, d); `own` are the components of the target."""

    def __init__(self, weights, means, covariances, own):
        self.weights, self.means, self.covariances = np.asarray(weights, float), np.asarray(means), covariances
        self.own = list(own)

    def logs(self, x, t):
        """log p_k N(x; mu_k, S_k + t) and the pulls of all components at one state."""
        A, way = self.covariances + t * np.eye(len(x)), self.means - x
        pulls = np.linalg.solve(A, way[:, :, None])[:, :, 0]
        square, (_, volume) = (way * pulls).sum(axis=1), np.linalg.slogdet(2.0 * np.pi * A)
        return np.log(self.weights / self.weights.sum()) - 0.5 * (square + volume), pulls

    def scores(self, x, t):
        """log p_t(x, class), log p_t(x), and both scores."""
        logs, pulls = self.logs(x, t)
        found = []
        for k in (self.own, slice(None)):
            top = logsumexp(logs[k])
            found.append((top, np.exp(logs[k] - top) @ pulls[k]))
        return found[0][0], found[1][0], found[0][1], found[1][1]

    def prior(self):
        return self.weights[self.own].sum() / self.weights.sum()

    def flow(self, start, T, weight, least):
        """The guided ODE from start at T to 0; weight(t, log ratio p_t(x)/p_t(x|c), |s_c - s_u|)."""

        def rate(s, x):
            t = max(np.exp(-s) - least, 0.0)
            own, every, s_c, s_u = self.scores(x, t)
            w = weight(t, every - own + np.log(self.prior()), np.linalg.norm(s_c - s_u))
            return 0.5 * (least + t) * (s_c + w * (s_c - s_u))

        span = (-np.log(T + least), -np.log(least))
        return solve_ivp(rate, span, start, method="DOP853", rtol=1e-8, atol=1e-9).y[:, -1]

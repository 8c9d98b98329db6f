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
        logs, pulls = [], []
        for p, mu, S in zip(self.weights / self.weights.sum(), self.means, self.covariances, strict=True):
            A = S + t * np.eye(len(x))
            pull = np.linalg.solve(A, mu - x)
            square, (_, volume) = (mu - x) @ pull, np.linalg.slogdet(2.0 * np.pi * A)
            logs.append(np.log(p) - 0.5 * (square + volume))
            pulls.append(pull)
        return np.array(logs), np.array(pulls)

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
        return solve_ivp(rate, span, start, method="DOP853", rtol=1e-10, atol=1e-11).y[:, -1]

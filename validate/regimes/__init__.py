"""The atlas: groups of regimes, measured, judged and reported."""

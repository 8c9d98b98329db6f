"""What the variables and axes of results are, and their units: one table for all of them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray

PHASES = ("crowd", "glass", "target", "captured", "sliding", "second", "shared")
MEANING = {  # of variables and axes: long name, units
    "m": ("overlap with the class mean m", "1"),
    "v": ("variance per direction v", "1"),
    "F": ("log-odds of the class per dimension F", "1"),
    "m_shift": ("shift of the mean m(0) - 1", "1"),
    "v_ratio": ("variance over that of the class v(0)/sigma2", "1"),
    "t_speciation": ("last speciation", "VE time"),
    "t_condensation": ("first condensation", "VE time"),
    "t_capture": ("first capture", "VE time"),
    "phase": ("phase", ""),
    **{f"passed_{phase}": (f"phase {phase} was passed", "") for phase in PHASES},
    "D": ("variance of the noisy class D = sigma2 + t", "1"),
    "q": ("length per direction q = m^2 + v", "1"),
    "m_2": ("overlap with the mean of class 2", "1"),
    "mean_shift": ("shift of the mean m - 1", "1"),
    "variance_excess": ("variance over that of the noisy class, less 1", "1"),
    "m_twin": ("m of the unguided twin", "1"),
    "v_twin": ("v of the unguided twin", "1"),
    "weight": ("posterior weight of the target pi_1", "1"),
    "log_odds": ("log pi_1/(1 - pi_1)", "1"),
    "participation": ("number of classes that count 1/sum pi_k^2", "1"),
    "accuracy": ("share of samples of the target", "1"),
    "m_group": ("overlap with the class mean, by group", "1"),
    "v_group": ("variance by group, whitened", "1"),
    "V": ("effective potential V", "1"),
    "phi_target": ("log-weight of the target per dimension", "1"),
    "phi_mode": ("log-weight of the chosen mode per dimension", "1"),
    "phi_label": ("log-weight of the other modes of the label per dimension", "1"),
    "phi_rest": ("log-weight of the rest per dimension", "1"),
    "spread": ("spread of the weight over samples", "1"),
    "theory_m": ("m of the theory", "1"),
    "theory_v": ("v of the theory", "1"),
    "log_count": ("log of the number of classes", "1"),
    "reason": ("why it failed", ""),
    "sampler": ("sampler", ""),
    "call": ("call of the model", ""),
    "draw": ("draw of the classes", ""),
    "group": ("group of directions", ""),
    "standing": ("standing of the theory", ""),
    "alpha": ("rate of the number of classes alpha", "1"),
    "gamma": ("exponent of the number of classes gamma", "1"),
    "n": ("number of classes", "1"),
    "prior": ("rate of the target's weight lambda", "1"),
    "factor": ("weight of the target over that of another class", "1"),
    "w": ("guidance w", "1"),
    "w0": ("guidance at t = 0", "1"),
    "omega": ("slope of the guidance", "1/time"),
    "sigma2": ("class variance sigma2", "1"),
    "eta": ("stochasticity eta", "1"),
    "d": ("dimension d", "1"),
    "t": ("time t", "VE time"),
    "t_start": ("start", "own time"),
}  # fmt: skip


def described(data: "xarray.Dataset") -> "xarray.Dataset":
    """The same data, whose variables and axes in the table say what they are (`long_name`, `units`).

    Examples
    --------
    >>> import xarray
    >>> described(xarray.Dataset({"m": ("t", [1.0])}, coords={"t": [0.0]})).m.attrs
    {'long_name': 'overlap with the class mean m', 'units': '1'}
    """
    for name, variable in data.variables.items():
        if name in MEANING:
            variable.attrs.update(zip(("long_name", "units"), MEANING[str(name)], strict=True))
    return data

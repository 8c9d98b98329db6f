"""The command `cfgfield data`: what guidance does to the classes of a table of features, or a schedule for one."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from meanfield import Schedule
from meanfield.errors import checked, whole
from meanfield.sampler.levels import karras_sigmas
from meanfield.sampler.native import NATIVE
from validate.commands.endings import guarded
from validate.commands.options import Force, Json, check_outputs, print_json, takes
from validate.commands.own_data.design import NAMES as DESIGNED
from validate.commands.own_data.design import design_options, designed, require_design, write_schedule
from validate.commands.own_data.tables import label_of, read_table
from validate.commands.problem_file import number_or_word, rule_fields
from validate.commands.sampler_choice import Choice, chosen
from validate.errors import ConfigError
from validate.results.files import write_dataset

LAST = 0.03  # of the least width of a component: the last noise level of a sampler of ours
STEPS = 100  # of a sampler of ours, as of `predict`
NAMES = {"report": "report.html", "numbers": "prediction.nc", "mixture": "mixture.npz"}


@guarded
@takes("designing", design_options)
def data(
    features: Annotated[Path, typer.Argument(help=".npz with X and y, .csv, or .npy of features.")],
    labels: Annotated[Path | None, typer.Argument(help=".npy of labels, beside one of features.")] = None,
    label: Annotated[str | None, typer.Option(help="Column of labels in a .csv.")] = None,
    target: Annotated[
        str | None, typer.Option(help="Class to predict, or to design for (default: every class).")
    ] = None,
    w: Annotated[float | None, typer.Option(help="Constant guidance w (default 1); a guidance scale is 1 + w.")] = None,
    rule: Annotated[
        str | None,
        typer.Option(metavar="NAME,KEY=VALUE,...", help="Rule of guidance of amplitude --w (docs/rules.md)."),
    ] = None,
    sampler: Annotated[
        str, typer.Option(help='"ode", "sde", eta, or code as for cfgfield sampler: euler, dpmpp-2m, module:function.')
    ] = "ode",
    covariance: Annotated[
        str, typer.Option(help="shrunk (needs scikit-learn), full, low-rank, diag, spherical or tied.")
    ] = "shrunk",
    components: Annotated[int, typer.Option(help="Gaussians in every class (more than one needs scikit-learn).")] = 1,
    floor: Annotated[float, typer.Option(help="Least variance, as a share of the mean variance of the data.")] = 0.0,
    drop_constant: Annotated[bool, typer.Option("--drop-constant", help="Leave out features that never vary.")] = False,
    n_samples: Annotated[
        int | None, typer.Option(help="Samples of a class (default 1000; of each run of a design 500).")
    ] = None,
    n_batches: Annotated[
        int | None, typer.Option(help="Independent batches, whose scatter gives the errors (default 8).")
    ] = None,
    n_steps: Annotated[
        int | None, typer.Option(help="Time steps (default 100; of a design 60); of a sampler's code its steps.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    *,
    designing: Mapping[str, Any],
    out: Annotated[Path | None, typer.Option(help="Folder for the report, the numbers and the mixture.")] = None,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Fit a mixture to features and labels, and measure what guidance does to its classes (docs/your-data.md).

    With --design, the schedule that shifts a class and keeps its variance (docs/design-your-data.md).

    Example:  cfgfield data features.npz --target 3 --w 2 --out report/
    Example:  cfgfield data features.npz --target 3 --design --w-max 6 --out design/
    """
    from simulate import Mixture  # brings numba

    design = bool(designing["design"])
    require_design(designing, target, {"w": w, "n_batches": n_batches})
    files = _files(out, DESIGNED if design else NAMES, force)
    X, y = read_table(features, labels, label)
    if drop_constant and X.ndim == 2:
        X = X[:, X.max(axis=0) > X.min(axis=0)]
    mixture = Mixture.fit(X, list(y), covariance=covariance, components=components, floor=floor, seed=seed)
    wanted = None if target is None else label_of(target, mixture.classes)
    sizes = {"n_samples": n_samples, "n_batches": n_batches, "n_steps": n_steps, "seed": seed}
    sizes = {name: value for name, value in sizes.items() if value is not None}
    found: Any = (
        designed(mixture, wanted, designing, rule, sampler, sizes)
        if design
        else _predicted(mixture, wanted, w, rule, sampler, sizes)
    )
    if as_json:
        print_json({"mixture": repr(mixture), **found.dataset.to_dict()})
    else:
        typer.echo(f"{mixture!r}\n{found!r}")
    if files:
        mixture.save(files["mixture"], overwrite=force)
        write_dataset(found.dataset, files["numbers"], overwrite=force)
        if design:
            write_schedule(found, files, force)
        found.report(files["report"], overwrite=force)
        typer.echo(f"wrote {', '.join(map(str, files.values()))}", err=True)


def _files(out: Path | None, names: Mapping[str, str], force: bool) -> dict[str, Path]:
    """What will be written, in a folder that is made; none without `out`."""
    if out is None:
        return {}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as cause:
        raise ConfigError(f"--out must be a folder that can be made; {str(out)[:80]!r}: {cause}.") from cause
    files = {name: out / file for name, file in names.items()}
    check_outputs(force, **{f"out ({name})": path for name, path in files.items()})
    return files


def _predicted(
    mixture: Any, target: Any, w: float | None, rule: str | None, sampler: str, sizes: dict[str, Any]
) -> Any:  # fmt: skip
    """A `Prediction`, or `Predictions`."""
    from validate.data.predicting import predict

    w = checked("--w", 1.0 if w is None else w, error=ConfigError)
    guidance = w if rule is None else Schedule.from_dict(rule_fields(rule, w))
    return predict(mixture, target, guidance, sampler=_sampler(sampler, sizes.get("n_steps", STEPS), mixture), **sizes)


def _sampler(word: str, n_steps: int, mixture: Any) -> Any:
    """A sampler of `predict`: a word, eta, or code whose levels are made for the data."""
    if word in ("ode", "sde"):
        return word
    number = number_or_word(word)
    if isinstance(number, float):
        return number
    if word not in NATIVE:
        return chosen(Choice(word, None, None, None, None, None, ()))
    least = math.sqrt(mixture.components.least(mixture.members()))
    start = math.sqrt(mixture.problem(mixture.classes[0]).T)
    return NATIVE[word](karras_sigmas(whole("--n-steps", n_steps, low=2, error=ConfigError), LAST * least, start))

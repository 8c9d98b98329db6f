"""The command `cfgfield data`: what guidance does to the classes of a table of features."""

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from meanfield import Schedule
from meanfield.errors import checked, whole
from meanfield.sampler.levels import karras_sigmas
from meanfield.sampler.native import NATIVE
from validate.commands.endings import guarded
from validate.commands.options import Force, Json, check_outputs, print_json
from validate.commands.problem_file import rule_fields
from validate.commands.sampler_choice import Choice, chosen
from validate.commands.tables import label_of, read_table
from validate.errors import ConfigError
from validate.results.files import write_dataset

LAST = 0.03  # of the least width of a component: the last noise level of a sampler of ours
NAMES = {"report": "report.html", "prediction": "prediction.nc", "mixture": "mixture.npz"}


@guarded
def data(
    features: Annotated[Path, typer.Argument(help=".npz with X and y, .csv, or .npy of features.")],
    labels: Annotated[Path | None, typer.Argument(help=".npy of labels, beside one of features.")] = None,
    label: Annotated[str | None, typer.Option(help="Column of labels in a .csv.")] = None,
    target: Annotated[str | None, typer.Option(help="Class to predict (default: every class).")] = None,
    w: Annotated[float, typer.Option(help="Constant guidance w; a guidance scale is 1 + w.")] = 1.0,
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
    n_samples: Annotated[int, typer.Option(help="Samples of a class.")] = 1000,
    n_batches: Annotated[int, typer.Option(help="Independent batches, whose scatter gives the errors.")] = 8,
    n_steps: Annotated[int, typer.Option(help="Time steps; of a sampler's code its steps.")] = 100,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for the report, the numbers and the mixture.")] = None,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Fit a mixture to features and labels, and measure what guidance does to its classes (docs/your-data.md).

    Example:  cfgfield data features.npz --target 3 --w 2 --out report/
    """
    from simulate import Mixture  # brings numba
    from validate.data.predicting import predict

    files = {name: out / file for name, file in NAMES.items()} if out is not None else {}
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as cause:
            raise ConfigError(f"--out must be a folder that can be made; {str(out)[:80]!r}: {cause}.") from cause
        check_outputs(force, **{f"out ({name})": path for name, path in files.items()})
    X, y = read_table(features, labels, label)
    if drop_constant and X.ndim == 2:
        X = X[:, X.max(axis=0) > X.min(axis=0)]
    mixture = Mixture.fit(X, list(y), covariance=covariance, components=components, floor=floor, seed=seed)
    wanted = None if target is None else label_of(target, mixture.classes)
    w = checked("--w", w, error=ConfigError)
    guidance = w if rule is None else Schedule.from_dict(rule_fields(rule, w))
    found: Any = predict(
        mixture, wanted, guidance, sampler=_sampler(sampler, n_steps, mixture), n_samples=n_samples,
        n_batches=n_batches, n_steps=n_steps, seed=seed,
    )  # fmt: skip
    if as_json:
        print_json({"mixture": repr(mixture), **found.dataset.to_dict()})
    else:
        typer.echo(f"{mixture!r}\n{found!r}")
    if out is not None:
        mixture.save(files["mixture"], overwrite=force)
        write_dataset(found.dataset, files["prediction"], overwrite=force)
        found.report(files["report"], overwrite=force)
        typer.echo(f"wrote {', '.join(map(str, files.values()))}", err=True)


def _sampler(word: str, n_steps: int, mixture: Any) -> Any:
    """A sampler of `predict`: a word, eta, or code whose levels are made for the data."""
    if word in ("ode", "sde"):
        return word
    try:
        return float(word)
    except ValueError:
        pass
    if word not in NATIVE:
        return chosen(Choice(word, None, None, None, None, None, ()))
    least = math.sqrt(mixture.components.least(mixture.members()))
    start = math.sqrt(mixture.problem(mixture.classes[0]).T)
    return NATIVE[word](karras_sigmas(whole("--n-steps", n_steps, low=2, error=ConfigError), LAST * least, start))

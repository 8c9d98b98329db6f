"""`cfgfield sampler`: native samplers and one's own, laws, theories at finite d, particles, pictures, bad input."""

import json

import pytest
import xarray
from typer.testing import CliRunner

from meanfield import Continuum, Exponential, Problem
from meanfield.sampler.levels import sd_sigmas
from meanfield.sampler.native import NATIVE, euler
from meanfield.vector.solver import solve_sampler
from validate.cli import app
from validate.commands.sampler_choice import Choice, chosen

OWN = """
def one(model, noise):
    x = 10.0 * noise()
    return x - 10.0 * model.eps(x, 10.0)

def family(n):
    def sampler(model, noise):
        x, levels = 10.0 * noise(), [10.0 * (n - i) / n for i in range(n + 1)]
        for s, after in zip(levels, levels[1:]):
            x = x + (after - s) * model.eps(x, s)
        return x
    return sampler

broken = 3
"""
CONTINUUM = ("sampler", "--continuum", "--scale", 2)


def call(*words: object):
    return CliRunner().invoke(app, [str(w) for w in words])


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A file of samplers in the working folder, under a name of its own."""
    name = f"samplers_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    return name


@pytest.mark.parametrize("name", NATIVE)
def test_native_samplers_by_name(name):
    result = call(*CONTINUUM, "--sampler", name, "--steps", 7, "--json")
    assert result.exit_code == 0, result.output
    problem = Problem(classes=Continuum(), sigma2=0.25, guidance=1.0)
    law = solve_sampler(problem, NATIVE[name](sd_sigmas(7), start="vp"))
    found = json.loads(result.stdout)
    assert found["final"]["m"] == law.final.m and found["final"]["v"] == law.final.v
    assert found["problem"] == problem.to_dict() and len(found["calls"]["t"]) == law.n_calls + 1


def test_the_law_is_printed_with_a_table_over_the_calls():
    result = call("sampler", "--alpha", 0.4, "--w", 1, "--sampler", "euler", "--steps", 20)
    law = solve_sampler(Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0), euler(sd_sigmas(20), start="vp"))
    assert result.exit_code == 0 and repr(law) in result.stdout
    rows = result.stdout.splitlines()[-21:]
    assert [row.split()[0] for row in rows] == [*map(str, range(1, 21)), "end"]
    assert rows[10].split()[5] == law.phase[10] and float(rows[10].split()[-1]) == pytest.approx(
        law.distance(16384)[10], rel=1e-2
    )


def test_a_long_table_shows_both_ends():
    rows = call(*CONTINUUM, "--sampler", "euler", "--steps", 200).stdout.splitlines()
    assert len(rows) < 32 and rows[-1].split()[0] == "end" and any(row.split()[0] == "1" for row in rows)


@pytest.mark.parametrize("levels", ["leading", "trailing", "linspace", "karras"])
def test_levels(levels):
    calls = json.loads(call(*CONTINUUM, "--sampler", "euler", "--steps", 5, "--levels", levels, "--json").stdout)[
        "calls"
    ]
    low, high = 0.02916, 14.6147
    assert (calls["t"][0] ** 0.5 > high - 1e-3) == (levels != "leading")
    assert (calls["t"][-2] ** 0.5 < low + 1e-3) == (levels != "trailing")
    assert (calls["v"][0] == pytest.approx(calls["t"][0])) == (levels == "karras")  # x = sigma z


def test_ones_own_sampler_by_file_module_and_number_of_steps(own, tmp_path):
    by_file = call(*CONTINUUM, "--sampler", f"{tmp_path / own}.py:one", "--json")
    by_module = call(*CONTINUUM, "--sampler", f"{own}:one", "--json")
    family = call(*CONTINUUM, "--sampler", f"{own}:family", "--steps", 1, "--json")
    more = call(*CONTINUUM, "--sampler", f"{own}:family", "--steps", 3, "--json")
    assert by_file.exit_code == 0, by_file.output
    numbers = [json.loads(r.stdout)["final"] for r in (by_file, by_module, family, more)]
    assert numbers[0] == numbers[1] == numbers[2] != numbers[3]


def test_data_and_picture_are_written(tmp_path):
    data, picture = tmp_path / "law.nc", tmp_path / "law.png"
    words = (
        "sampler",
        "--alpha",
        0.4,
        "--w",
        1,
        "--sampler",
        "heun",
        "--steps",
        6,
        "--output",
        data,
        "--picture",
        picture,
    )
    assert call(*words).exit_code == 0
    law = solve_sampler(
        Problem(classes=Exponential(0.4), sigma2=0.25, guidance=1.0), NATIVE["heun"](sd_sigmas(6), start="vp")
    )
    with xarray.open_dataset(data) as saved:
        assert saved.m.values.tolist() == law.m.tolist() and saved.v_alone.values.tolist() == law.unguided[1].tolist()
        assert Problem.from_dict(json.loads(saved.attrs["problem"])) == law.problem
    assert picture.read_bytes().startswith(b"\x89PNG")
    again = call(*words)
    assert again.exit_code == 2 and "--force" in again.output
    assert call(*CONTINUUM, "--sampler", "heun", "--steps", 6, "--picture", tmp_path / "law.pdf").exit_code == 0


def test_particles_are_compared_at_their_own_d():
    """And a spoiled copy of the same sampler is not what the particles are."""
    result = call(*CONTINUUM, "--sampler", "euler", "--steps", 5, "--particles", 16, 50, 12)
    assert result.exit_code == 0, result.output
    assert "verdict: agree" in result.stdout and "12 draws x 50 samples" in result.stdout
    alone = call(*CONTINUUM, "--sampler", "euler", "--steps", 5, "--particles", 16, 50, 1)
    assert alone.exit_code == 0 and "verdict" not in alone.stdout


def test_finite_d():
    result = call("sampler", "--alpha", 0.4, "--w", 1, "--sampler", "euler", "--steps", 5, "--d", 24)
    assert result.exit_code == 0 and "sampler (reduced): d = 24" in result.stdout
    found = json.loads(
        call(*CONTINUUM, "--sampler", "euler", "--steps", 5, "--d", 8, "--theory", "reduced", "--json").stdout
    )
    assert found["d"] == 8 and found["final"]["m"]["stderr"] > 0.0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "got none"),
        (("--sampler", "euler", "--scheduler", "DDIMScheduler", "--steps", 5), "got two"),
        (("--sampler", "sde", "--steps", 5), "--sampler must be one of euler"),
        (("--sampler", "euler"), "needs its number of steps"),
        (("--sampler", "euler", "--steps", 0), "n must be"),
        (("--sampler", "euler", "--steps", 5, "--levels", "edm"), "--levels must be one of leading"),
        (("--sampler", "euler", "--steps", 5, "--guider", "X"), "--guider is for samplers of diffusers"),
        (("--sampler", "euler", "--steps", 5, "--set", "guider.eta=0"), "--set is for samplers of diffusers"),
        (("--sampler", "euler", "--steps", 5, "--w", 1), "guidance must be stated once"),
        (("--sampler", "euler", "--steps", 5, "--d", 8, "--theory", "reduced", "--picture", "x.png"), "mean-field law"),
        (("--sampler", "euler", "--steps", 5, "--picture", "x.gif"), "a picture must end in"),
        (("--sampler", "euler", "--steps", 5, "--particles", 8, 2, 2, "--shape", "4,4"), "must have one dimension"),
        (("--sampler", "nowhere_at_all:f"), "no module 'nowhere_at_all'"),
        (("--sampler", "math:nothing"), "must name a function of math"),
        (("--sampler", "math:pi"), "must name a function of math"),
    ],
)
def test_bad_requests_say_why(words, says):
    result = call(*CONTINUUM, *words)
    assert result.exit_code == 2, result.output
    assert says in " ".join(result.output.split()) and len(result.output) < 1500


def test_a_sampler_without_diffusers_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "diffusers", None)  # an import of it then fails
    result = call(*CONTINUUM, "--scheduler", "DDIMScheduler", "--steps", 5)
    assert result.exit_code == 2 and "extra 'diffusers'" in result.output and "pip install" in result.output


def test_a_choice_with_karras_levels_starts_as_k_diffusion_does():
    assert chosen(Choice("unipc", None, None, 4, "karras", None, ())).name == "UniPC, 4 steps"

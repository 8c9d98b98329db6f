"""What the site shows and docs/ does not hold: the page of `cfgfield explore`, as it lies in the package."""

from pathlib import Path

from mkdocs.structure.files import File

EXPLORER = Path(__file__).parents[2] / "validate" / "explorer"


def on_files(files, config):
    """Add the files of the page, beside that of docs/explorer.md."""
    for path in sorted(EXPLORER.iterdir()):
        files.append(File.generated(config, f"explorer/{path.name}", abs_src_path=str(path)))
    return files

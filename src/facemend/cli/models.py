"""`facemend models`: what came with the package."""

from facemend.cli.options import AsJson, print_json


def models(as_json: AsJson = False) -> None:
    """List the models that came with the package.

    \b
    facemend models --json
    """
    from facemend.model_folders import list_models

    infos = list_models()
    if as_json:
        print_json(models=[vars(info) | {"path": str(info.path)} for info in infos])
        return
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    others = (Column(heading, overflow="fold") for heading in ("parameters", "size", "sha256", "folder"))
    table = Table(Column("name", no_wrap=True), *others)
    for info in infos:
        cells = (info.name, f"{info.parameters:,}", f"{info.bytes / 1e6:.1f} MB", info.sha256[:16], str(info.path))
        table.add_row(*map(Text, cells))  # as text, for [brackets] in a name would be styles
    Console().print(table)

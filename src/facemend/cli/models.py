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

    table = Table("name", "parameters", "size", "sha256", Column("folder", overflow="fold"))
    for info in infos:
        table.add_row(info.name, f"{info.parameters:,}", f"{info.bytes / 1e6:.1f} MB", info.sha256[:16], str(info.path))
    Console().print(table)

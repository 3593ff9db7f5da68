"""`facemend web-export`: the studio as a folder that needs no server but one that hands out files."""

from pathlib import Path
from typing import Annotated

import typer

from facemend.cli.options import AsJson, Model, Overwrite, note, print_json


def web_export(
    directory: Annotated[Path, typer.Argument(help="Folder to write, new or empty.", metavar="DIR")],
    model: Model = "default",
    runtime: Annotated[
        Path | None, typer.Option(help="onnxruntime-web as `npm pack` writes it; fetched by npm once if it is not given.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write the studio for any web server: faces are restored in the visitor's browser, offline, nothing is uploaded.

    \b
    facemend web-export site
    facemend serve --static site
    facemend web-export site --runtime onnxruntime-web-1.30.0.tgz --overwrite
    """
    from facemend.web.browser_export import export_studio

    done = export_studio(directory, model=model, runtime=runtime, overwrite=overwrite)
    if as_json:
        print_json(output=str(done.folder), files=done.files, bytes=done.bytes, model_bytes=done.model_bytes)
        return
    note(f"{done.files} files, {done.bytes / 1e6:.1f} MB, of which the network {done.model_bytes / 1e6:.2f} MB")
    print(done.folder)

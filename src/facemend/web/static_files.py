"""Static files of the types that browsers ask for, whatever the computer thinks of them."""

from os import PathLike, stat_result
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_TYPES = {  # Python's own table lacks some, and on Windows is the registry's; browsers run scripts of the right type only
    ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".wasm": "application/wasm",
    ".json": "application/json", ".onnx": "application/octet-stream", ".safetensors": "application/octet-stream",
}  # fmt: skip


class TypedFiles(StaticFiles):
    """Serves a folder's files."""

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Answer with a file, or that it has not changed."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        if (media_type := _TYPES.get(Path(full_path).suffix)) is not None:
            response.headers["Content-Type"] = media_type
        return response

"""ONNX Runtime for browsers: the npm package `onnxruntime-web` at one pinned version, fetched by npm or given as a file."""

import shutil
import subprocess
import tarfile
import tempfile
from importlib.util import find_spec
from pathlib import Path

from facemend.cache_folder import cache_dir
from facemend.errors import ConfigError, OutputError
from facemend.whole_files import sha256_of

VERSION = "1.30.0"
PACKAGE = f"onnxruntime-web-{VERSION}.tgz"
SHA256 = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
FILES = (
    "ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm",
    "ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm",
)  # fmt: skip
LICENSE_FILES = ("LICENSE", "ThirdPartyNotices.txt")  # the npm package lacks them, the Python package has the same
_NPM_SECONDS = 300


def find_package(given: Path | None = None) -> Path:
    """Find the package's file: the one that is given, the one in the cache folder, or what npm fetches into it.

    Raises:
        ConfigError: There is no such file and no npm, npm fails, or the file is another one.
        OutputError: The cache folder cannot be written.
    """
    if given is None:
        path = cache_dir() / PACKAGE
        if not path.is_file():
            _fetch(path)
    else:
        path = given
        if not path.is_file():
            raise ConfigError(f"{path}: no such file: give {PACKAGE} as `npm pack onnxruntime-web@{VERSION}` writes it")
    digest = sha256_of(path)
    if digest != SHA256:
        raise ConfigError(
            f"{path}: is not {PACKAGE}: its sha256 begins with {digest[:16]}, not with {SHA256[:16]}; delete it, "
            f"and have it written anew by `npm pack onnxruntime-web@{VERSION}`"
        )
    return path


def extract(package: Path, folder: Path) -> None:
    """Write what a page needs of the package, and its licences, into a folder that is made for it."""
    folder.mkdir()
    wanted = {f"package/dist/{name}": folder / name for name in FILES}
    with tarfile.open(package, "r|gz") as archive:  # as a stream: to go back is to unpack all that comes before once more
        for member in archive:
            if member.name in wanted:
                content = archive.extractfile(member)
                assert content is not None  # it is a file, the digest was right
                wanted[member.name].write_bytes(content.read())
    spec = find_spec("onnxruntime")
    assert spec is not None and spec.origin is not None  # a dependency of ours
    for name in LICENSE_FILES:
        shutil.copyfile(Path(spec.origin).with_name(name), folder / name)


def _fetch(path: Path) -> None:
    npm = shutil.which("npm")
    by_hand = f"get {PACKAGE} with `npm pack onnxruntime-web@{VERSION}` elsewhere and pass it as --runtime"
    if npm is None:
        raise ConfigError(f"onnxruntime-web is fetched by npm, which is not installed: install Node.js, or {by_hand}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".part-") as folder:
            command = [npm, "pack", f"onnxruntime-web@{VERSION}", "--silent", "--pack-destination", folder]
            run = subprocess.run(command, capture_output=True, text=True, timeout=_NPM_SECONDS, check=False)
            fetched = Path(folder) / PACKAGE
            if not fetched.is_file():
                lines = (run.stderr or run.stdout).strip().splitlines()
                raise ConfigError(f"npm could not fetch onnxruntime-web: {lines[-1] if lines else run.returncode}; {by_hand}")
            fetched.replace(path)
    except subprocess.TimeoutExpired:
        raise ConfigError(f"npm took longer than {_NPM_SECONDS} s to fetch onnxruntime-web; {by_hand}") from None
    except OSError as error:
        raise OutputError(f"{path.parent}: cannot be written: {error}: set FACEMEND_CACHE to a folder that can") from None

"""`facemend benchmark`: what a restoration costs, beside others."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from facemend.cli.options import AsJson, Model, print_json
from facemend.errors import ConfigError

Number = TypeVar("Number", int, float)


def benchmark(
    *,
    model: Model = "default",
    sizes: Annotated[str, typer.Option(help="Sides of the pictures in pixels, multiples of 16 from 64.")] = "256,512,1024",
    areas: Annotated[str, typer.Option(help="Shares of a picture that are a hole.")] = "0.02,0.3",
    rounds: Annotated[int, typer.Option(min=1, help="How often each is timed.")] = 7,
    threads: Annotated[int, typer.Option(min=1, help="Of one run.")] = 2,
    peers: Annotated[bool, typer.Option("--peers", help="Also LaMa and MAT as spandrel builds them, random weights.")] = False,
    only: Annotated[str, typer.Option(metavar="NAMES", help="These contenders alone, such as facemend-onnx,lama.")] = "",
    as_json: AsJson = False,
) -> None:
    """Time this network and others in turn, in one run; tell their memory, their first result from a cold start, their size.

    \b
    facemend benchmark
    pip install spandrel spandrel_extra_arches
    facemend benchmark --peers > benchmark.md

    Close other programs first, and compare ratios: seconds are this machine's.
    """
    from facemend.benchmark.run import Options, run_benchmark
    from facemend.benchmark.table import to_json, to_markdown

    cases = _numbers("--sizes", sizes, int), _numbers("--areas", areas, float)
    options = Options(model, *cases, rounds, threads, peers, tuple(only.split(",")) if only else ())
    rows = run_benchmark(options)
    if as_json:
        print_json(**to_json(options, options.contenders(), rows))
    else:
        print(to_markdown(options.contenders(), rows), end="")


def _numbers(option: str, text: str, kind: Callable[[str], Number]) -> tuple[Number, ...]:
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"{option} {text}: give numbers with commas between them") from None

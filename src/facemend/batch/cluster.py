"""The same batch on a Ray cluster, by Ray Data. Folders and model must be seen under the same paths by all its machines."""

import json
import logging
import os
import re
import socket
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

from facemend.batch.plan import Item
from facemend.batch.records import Row
from facemend.batch.restoring import Restorer, failed_row
from facemend.batch.settings import Settings
from facemend.errors import ConfigError, how_to_install

LOCAL = "local"
MAX_TRIES = 4  # more than one, since a machine that is lost costs its photos one
MAX_BLOCKS = 10_000  # Ray Data keeps account of each; up to this many, each photo is one


def check_ray() -> None:
    """Refuse to go on without Ray. Raises ConfigError."""
    if find_spec("ray") is None:
        raise ConfigError(f"--ray needs Ray Data: {how_to_install('ray')}")


@contextmanager
def connected(address: str, num_workers: int | None) -> Generator[None]:
    """Be part of a Ray cluster.

    Args:
        address: HOST:PORT of the cluster, or whatever else Ray takes; `local` starts one on this machine.
        num_workers: CPUs of a local one; None for all.

    Raises:
        ConfigError: No cluster answers.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is to be told about anybody's photos
    ray = cast(Any, import_module("ray"))
    options = {"num_cpus": num_workers, "include_dashboard": False} if address == LOCAL else {}
    try:
        host = re.fullmatch(r"([\w.-]+):(\d{1,5})", address)
        if host:
            socket.create_connection((host[1], int(host[2])), timeout=10).close()  # Ray would try for minutes
        ray.init(address, logging_level=logging.ERROR, log_to_driver=False, **options)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        raise ConfigError(f"--ray {address}: no Ray cluster is to be had there: {' '.join(str(error).split())}") from None
    try:
        yield
    finally:
        ray.shutdown()


def restore_on_ray(settings: Settings, items: Sequence[Item], num_workers: int | None, stop: threading.Event) -> Iterator[Row]:
    """Restore photos on the cluster that this process is part of; their rows come as they are ready.

    A photo whose machine is lost is restored by another one, which knows by its record whether it was done.

    Args:
        settings: What is the same for all.
        items: The photos.
        num_workers: How many photos at a time, each on one CPU; None for as many as there are CPUs.
        stop: Once it is set, the rows end, after the next one; photos in work are given up.
    """
    if not items:
        return
    ray, data = cast(Any, import_module("ray")), cast(Any, import_module("ray.data"))
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    dataset = data.from_items(
        [{"item": json.dumps(asdict(item))} for item in items], override_num_blocks=min(len(items), MAX_BLOCKS)
    )
    dataset.context.enable_progress_bars = False  # there is one already
    dataset.context.print_on_execution_start = False
    rows = dataset.map(
        _restore,
        fn_args=(settings,),
        compute=data.TaskPoolStrategy(num_workers or int(ray.cluster_resources()["CPU"])),
        num_cpus=1,
        num_gpus=1 if settings.device.startswith("cuda") else 0,
    )
    for values in rows.iter_rows():
        yield Row(**json.loads(values["row"]))
        if stop.is_set():
            return


@cache
def _restorer(settings: Settings) -> Restorer:
    """Keep one network in each of Ray's processes, which are used for task after task."""
    return Restorer(settings)


def _restore(values: dict[str, str], settings: Settings) -> dict[str, str]:
    item = Item(**json.loads(values["item"]))
    restorer = _restorer(settings)
    with restorer.records.trying(item.output) as num_tries:
        if num_tries > MAX_TRIES:  # Ray would try for ever
            row = failed_row(item, f"the process that restored it was killed {MAX_TRIES} times")
        else:
            row = restorer(item)
    return {"row": json.dumps(asdict(row))}

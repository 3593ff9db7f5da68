"""Kill one of two Ray machines in the middle of a batch; show that the results are those of a local run, byte for byte.

python scripts/ray_kill.py PHOTOS MASKS [--model default] [--kill-at 0.3]

Both machines are simulated on this one, each with one CPU, beside a head that has none. Exit code 0: complete and the same.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

from ray.cluster_utils import Cluster

MEGABYTE = 2**20


def results(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file() and "_facemend" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def work_of(node) -> list[str]:
    """What the processes of a machine say they are doing."""
    (raylet,) = [process.process.pid for process in node.all_processes["raylet"]]
    listed = subprocess.run(["ps", "-o", "args=", "--ppid", str(raylet)], capture_output=True, text=True, check=False).stdout
    return [line.strip() for line in listed.splitlines() if "_restore" in line]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("masks", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--kill-at", type=float, default=0.3, help="share of the results that are there when the kill comes")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="facemend-ray-"))

    def batch(output: Path, *rest: str) -> subprocess.Popen[bytes]:
        arguments = [str(options.photos), str(output), "--masks", str(options.masks), "--model", options.model, "--device", "cpu"]
        return subprocess.Popen([sys.executable, "-m", "facemend", "batch", *arguments, *rest], stdout=subprocess.DEVNULL)

    local_code = batch(folder / "local").wait()
    local = results(folder / "local")
    print(f"local run: exit code {local_code}, {len(local)} results", flush=True)

    small = {"object_store_memory": 100 * MEGABYTE, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    try:
        machines = [cluster.add_node(num_cpus=1, **small) for _ in range(2)]
        process = batch(folder / "ray", "--ray", cluster.address)

        def both_work() -> bool:
            return len(results(folder / "ray")) >= options.kill_at * len(local) and all(map(work_of, machines))

        while process.poll() is None and not both_work():
            time.sleep(0.02)
        if process.poll() is not None:
            print("the batch was over before the kill: take more photos")
            return 1
        print(f"{len(cluster.list_all_nodes())} machines, of which two work: {[*map(work_of, machines)]}")
        cluster.remove_node(machines[0], allow_graceful=False)
        print(f"killed one of them when {len(results(folder / 'ray'))} of {len(local)} results were there", flush=True)
        ray_code = process.wait()
    finally:
        cluster.shutdown()

    there = results(folder / "ray")
    print(f"Ray run: exit code {ray_code}, {len(there)} results")
    if ray_code != local_code or there != local:
        print(f"the results differ: {folder}")
        return 1
    print(f"all {len(local)} results are the same, byte for byte")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

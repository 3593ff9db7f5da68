"""How the studio's server bears many clients at once: what it answers, how fast, and whether its memory grows.

Each client restores a portrait again and again, and comes again when told to. Any answer but 200 and 429 is a failure.

    python scripts/load_server.py --clients 64 --seconds 120
"""

import argparse
import asyncio
import io
import random
import re
import subprocess
import sys
import time
from collections import Counter

import httpx
import numpy as np
from PIL import Image

from facemend import random_mask
from facemend.demo import load_portrait

Answer = tuple[int, float, float]  # status, seconds, seconds since the first try


def encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def start_server(model: str, at_once: int) -> tuple[subprocess.Popen[str], str]:
    words = [sys.executable, "-m", "facemend", "serve", "--port", "0", "--no-open", "--model", model, "--at-once", str(at_once)]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    address = re.search(r"http://\S+", server.stdout.readline())
    if address is None:
        raise SystemExit("the server did not start")
    return server, address[0]


async def be_a_client(
    client: httpx.AsyncClient, files: dict[str, bytes], end: float, log: list[tuple[int, float, float]]
) -> None:
    """Restore the photo until the time is over."""
    while time.monotonic() < end:
        wanted = time.monotonic()
        while True:
            sent = time.monotonic()
            answer = await client.post("/api/v1/inpaint", files=files, data={"seed": random.randrange(1000)})
            now = time.monotonic()
            log.append((answer.status_code, now - sent, now - wanted))
            if answer.status_code != 429 or now > end:
                break
            await asyncio.sleep(int(answer.headers["Retry-After"]) * random.uniform(0.8, 1.2))


async def figure(client: httpx.AsyncClient, name: str) -> float:
    match = re.search(rf"^{name} (\S+)$", (await client.get("/metrics")).text, re.M)
    if match is None:
        raise SystemExit(f"the server does not tell its {name}: this needs Linux")
    return float(match[1])


async def watch_memory(client: httpx.AsyncClient, end: float, megabytes: list[float]) -> None:
    while time.monotonic() < end:
        megabytes.append(await figure(client, "process_resident_memory_bytes") / 1e6)
        await asyncio.sleep(2)


async def load(address: str, clients: int, seconds: float, side: int) -> bool:
    portrait = load_portrait().resize((side, side))
    files = {
        "photo": encoded(portrait, "JPEG"),
        "mask": encoded(Image.fromarray(random_mask((side, side), family="strokes", area=0.2, seed=1)), "PNG"),
    }
    log: list[Answer] = []
    megabytes: list[float] = []
    limits = httpx.Limits(max_connections=clients + 1)
    async with httpx.AsyncClient(base_url=address, timeout=150, limits=limits) as client:
        cpu_before = await figure(client, "process_cpu_seconds_total")
        end = time.monotonic() + seconds
        await asyncio.gather(
            *[be_a_client(client, files, end, log) for _ in range(clients)], watch_memory(client, end, megabytes)
        )
        cpu_seconds = await figure(client, "process_cpu_seconds_total") - cpu_before
    statuses = Counter(status for status, _, _ in log)
    answered = np.array([took for status, took, _ in log if status == 200])
    refused = np.array([took for status, took, _ in log if status == 429])
    since_first_try = np.array([waited for status, _, waited in log if status == 200])
    third = len(megabytes) // 3
    print(f"{clients} clients, {seconds:g} s, photos of {side}x{side}: {dict(statuses)}")
    print(f"restored per second: {len(answered) / seconds:.2f}, at {cpu_seconds / max(1, len(answered)):.3f} CPU seconds each")
    for name, times in (("accepted", answered), ("refused", refused), ("accepted, from the first try", since_first_try)):
        if times.size:
            print(f"{name}: median {np.median(times):.2f} s, p95 {np.quantile(times, 0.95):.2f} s, longest {times.max():.2f} s")
    means = [float(np.mean(part)) for part in (megabytes[:third], megabytes[third : 2 * third], megabytes[2 * third :])]
    print(f"memory, mean of each third: {', '.join(f'{mean:.0f} MB' for mean in means)}; highest {max(megabytes):.0f} MB")
    return set(statuses) <= {200, 429}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--side", type=int, default=256, help="pixels")
    parser.add_argument("--at-once", type=int, default=3, help="photos that the server works on together")
    parser.add_argument("--model", default="default")
    arguments = parser.parse_args()
    server, address = start_server(arguments.model, arguments.at_once)
    try:
        good = asyncio.run(load(address, arguments.clients, arguments.seconds, arguments.side))
        good = good and server.poll() is None
    finally:
        server.terminate()
        server.wait(20)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

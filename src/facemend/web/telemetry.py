"""What Prometheus may ask: requests, their time, the queue, memory. No photo, no name, no address."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facemend.web.jobs import Worker
from facemend.web.limits import Intake


class Telemetry:
    """Counts the requests that pass through it; `text` is the page for Prometheus."""

    def __init__(self, worker: Worker, intake: Intake) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter("facemend_requests", "Answered requests.", ["route", "status"], registry=self._registry)
        self._seconds = Histogram(
            "facemend_request_seconds", "From a request's first byte to its answer's last.", ["route"], registry=self._registry,
            buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
        )  # fmt: skip
        waiting = Gauge("facemend_queue_length", "Requests that wait.", registry=self._registry)
        waiting.set_function(lambda: worker.num_waiting)
        in_work = Gauge("facemend_jobs_in_work", "Requests that are worked on.", registry=self._registry)
        in_work.set_function(lambda: worker.num_in_work)
        held = Gauge("facemend_body_bytes", "Of requests that are held in memory.", registry=self._registry)
        held.set_function(lambda: intake.held)
        dropped = Gauge("facemend_jobs_dropped", "Jobs that nobody waited for any more.", registry=self._registry)
        dropped.set_function(lambda: worker.num_dropped)

    def text(self) -> bytes:
        """Write down everything that was counted."""
        return generate_latest(self._registry)

    def counting(self, app: ASGIApp) -> ASGIApp:
        """Wrap an application."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            started, status = time.perf_counter(), 500

            async def send_and_see(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, send_and_see)
            finally:
                route = getattr(scope.get("route"), "path", "other")  # a path as it was sent would make a label of anything
                self._requests.labels(route, status).inc()
                self._seconds.labels(route).observe(time.perf_counter() - started)

        return counted

# The studio on a CPU: docker build -t facemend-studio . && docker run -p 127.0.0.1:8000:8000 -e FACEMEND_TOKEN=... facemend-studio
FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY src src
RUN python -m venv /opt/facemend && /opt/facemend/bin/pip install --no-cache-dir -c requirements.lock '.[web,heic]'

FROM python:3.12-slim
COPY --from=build /opt/facemend /opt/facemend
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin facemend
USER 10001
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["/opt/facemend/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# Others than this computer are let in, so it starts only with FACEMEND_TOKEN.
ENTRYPOINT ["/opt/facemend/bin/facemend", "serve", "--host", "0.0.0.0", "--no-open"]

# One image for every part: the worker, the web server, migrations and the `wua` commands differ by command only.
FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/wua
WORKDIR /src
# The dependencies first: this layer stays as it is until one of these two files changes.
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > needed.txt \
 && /opt/wua/bin/pip install -c constraints.txt -r needed.txt
COPY README.md LICENSE faust.yml ./
COPY app ./app
COPY agents ./agents
COPY tables ./tables
COPY views ./views
COPY web ./web
COPY migrations ./migrations
RUN /opt/wua/bin/pip install --no-deps .

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="web-user-analytics" \
      org.opencontainers.image.licenses="Apache-2.0"
# RocksDB state; the directory exists with its owner, so that a named volume mounted here is writable.
RUN groupadd --gid 10001 wua \
 && useradd --uid 10001 --gid wua --no-create-home --home-dir /var/lib/wua --shell /usr/sbin/nologin wua \
 && install --directory --owner=wua --group=wua /var/lib/wua
COPY --from=build /opt/wua /opt/wua
WORKDIR /srv/wua
COPY faust.yml ./
COPY deploy/dev/faust.yml ./deploy/dev/
COPY deploy/staging/faust.yml ./deploy/staging/
COPY deploy/prod/faust.yml ./deploy/prod/
ENV PATH=/opt/wua/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    WUA_APP__DATA_DIR=/var/lib/wua
USER 10001:10001
EXPOSE 8000 6066
# For the web server, the default command; docker-compose.yml has another one for the worker.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/api/v1/health', timeout=4)"]
CMD ["uvicorn", "--factory", "app.serve:create", "--host", "0.0.0.0", "--port", "8000", "--no-proxy-headers"]

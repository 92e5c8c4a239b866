# syntax=docker/dockerfile:1
# The relay with the web app: docker build --tag halyard-relay .
# Behind a proxy that ends TLS:
#   docker run -p 8080:8080 -p 8081:8081 -v halyard:/data halyard-relay --public-url https://relay.example.org --behind-tls-proxy
# With its own certificate, leave out --behind-tls-proxy and give --tls-cert and --tls-key.

FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements/app.txt requirements/build.txt requirements/
RUN python -m venv /opt/halyard \
 && /opt/halyard/bin/pip install --no-cache-dir --require-hashes -r requirements/app.txt \
 && python -m pip install --no-cache-dir --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY wire wire
COPY relay relay
COPY agentd agentd
COPY gen gen
COPY app_flet app_flet
RUN python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/halyard/bin/pip install --no-cache-dir --no-deps dist/halyard-*.whl \
 && /opt/halyard/bin/python -m compileall -q /opt/halyard

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="Halyard relay" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --home-dir /data --create-home halyard
COPY --from=build /opt/halyard /opt/halyard
ENV PATH=/opt/halyard/bin:$PATH PYTHONUNBUFFERED=1 HALYARD_RELAY_DATA=/data
USER halyard
WORKDIR /data
VOLUME /data
EXPOSE 8080 8081
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["relay", "serve", "--http", "0.0.0.0:8080", "--grpc", "0.0.0.0:8081", "--data", "/data"]

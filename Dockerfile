# One static binary in a small image that runs as nobody in particular.
FROM golang:1.26 AS build
WORKDIR /src
# The modules first: they change seldom, and this layer is then taken from the cache.
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /viaduct ./cmd/viaduct

FROM debian:trixie-slim
RUN groupadd --gid 65532 viaduct \
    && useradd --uid 65532 --gid viaduct --no-create-home --home-dir /var/lib/viaduct --shell /usr/sbin/nologin viaduct \
    && install -d -o viaduct -g viaduct -m 700 /var/lib/viaduct
# Webhooks and rate sources speak TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /viaduct /usr/local/bin/viaduct
USER 65532:65532
VOLUME /var/lib/viaduct
EXPOSE 8080
# Ready, not merely running; through the shell, since the image has no HTTP client.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT ["viaduct"]
CMD ["up", "--http", "0.0.0.0:8080", "--data", "/var/lib/viaduct"]

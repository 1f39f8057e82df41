# The collector. From the root of the repository:
#   docker build -f infra/deploy/collector.Dockerfile -t flamewatch/collector:0.1.0 .

FROM node:24.21.0-trixie-slim AS build
WORKDIR /opt/flamewatch
COPY package.json package-lock.json .npmrc ./
# Without the embedded store, half a gigabyte that a collector never loads.
RUN npm ci --omit=dev && rm -rf node_modules/@chdb node_modules/chdb node_modules/node-linux-* node_modules/.bin/node
COPY bpf bpf
COPY collector collector
COPY infra infra

FROM node:24.21.0-trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends libbpf1 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/flamewatch /opt/flamewatch
# Root, for whoever runs it takes away all of its rights but six: Kubernetes gives capabilities to root
# only. See kubernetes/base/collector.yaml.
ENV FLAMEWATCH_SPOOL=/var/lib/flamewatch/spool
VOLUME /var/lib/flamewatch/spool
ENTRYPOINT ["/opt/flamewatch/infra/cli/flamewatch.sh", "collect"]

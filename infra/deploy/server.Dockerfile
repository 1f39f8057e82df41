# Ingest, query and page, and the commands that ask them. From the root of the repository:
#   docker build -f infra/deploy/server.Dockerfile -t flamewatch/server:0.1.0 .

FROM node:24.21.0-trixie-slim AS build
WORKDIR /opt/flamewatch
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN node_modules/.bin/vite build --logLevel warn
# What runs, and no second Node beside the image's.
RUN npm ci --omit=dev && rm -rf node_modules/node-linux-* node_modules/.bin/node
RUN mkdir -p /var/lib/flamewatch && chown 10001:10001 /var/lib/flamewatch

FROM node:24.21.0-trixie-slim
COPY --from=build /opt/flamewatch /opt/flamewatch
COPY --from=build /var/lib/flamewatch /var/lib/flamewatch
USER 10001:10001
# Of the embedded store only; with FLAMEWATCH_STORE_URL nothing is written here.
ENV FLAMEWATCH_DATA=/var/lib/flamewatch
VOLUME /var/lib/flamewatch
EXPOSE 3526
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:3526/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/opt/flamewatch/infra/cli/flamewatch.sh"]
CMD ["serve", "--help"]

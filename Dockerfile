# syntax=docker/dockerfile:1
# One image for all functions, jobs and the init program: bundles, and what Node compiles of them, on Node alone.
# The command line is in it, too: docker run IMAGE vault-db-injector.cjs --help
#
#   docker build --build-arg VERSION=3.0.0 --build-arg REVISION=$(git rev-parse HEAD) --tag vault-db-injector:3.0.0 .

ARG BUILD_IMAGE=node:24-bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot

FROM ${RUNTIME_IMAGE} AS runtime

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY build.ts third-party-licenses.ts tsconfig.json LICENSE ./
COPY cli cli
COPY functions functions
COPY cronjobs cronjobs
COPY init init
COPY shared shared
# The manifests, which `vault-db-injector.cjs install` applies with a kubectl that is mounted (KUBECTL).
COPY knative knative
COPY image image
RUN node build.ts \
  && npm sbom --omit=dev --sbom-format=cyclonedx > dist/sbom.cdx.json \
  && mkdir --parents /app/compile-cache /app/manifests \
  && find knative functions cronjobs -name '*.yaml' -exec cp --parents '{}' /app/manifests ';' \
  && cp dist/*.cjs dist/*.mjs dist/*.LEGAL.txt dist/THIRD-PARTY-LICENSES.txt dist/sbom.cdx.json LICENSE /app \
  && chown 65532:65532 /app/compile-cache
# The cache is good for one build of Node, one place of the bundles and one user: all three are the container's.
COPY --from=runtime /nodejs/bin/node /nodejs/bin/node
WORKDIR /app
USER 65532:65532
RUN node /build/image/fill-compile-cache.ts /nodejs/bin/node /app/compile-cache
USER root
# Read by the container, written by nobody.
RUN chown --recursive root:root compile-cache && chmod --recursive a+rX,go-w compile-cache

FROM runtime
ARG VERSION=3.0.0
ARG REVISION=
ARG RUNTIME_IMAGE
LABEL org.opencontainers.image.title="Vault DB injector" \
  org.opencontainers.image.description="Short-lived database credentials for Kubernetes pods, from HashiCorp Vault or OpenBao" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.base.name="${RUNTIME_IMAGE}"
WORKDIR /app
COPY --from=build /app /app
ENV NODE_COMPILE_CACHE=/app/compile-cache
# As a number, by which the kubelet sees that it is not root.
USER 65532:65532
ENTRYPOINT ["/nodejs/bin/node"]
CMD ["--max-semi-space-size=2", "--max-old-space-size=128", "admission.cjs"]

# Images that train and serve as a user without rights. They are made of a release archive (go run ./tools/release), so
# nothing is compiled here. docs/install.md says how to run them.
#
#   docker build --build-arg ARCHIVE=dist/fovea-VERSION-linux-amd64.tar.gz -t fovea .
#   docker build --build-arg ARCHIVE=… --target cuda -t fovea-cuda .
#
# BASE may be any image of Debian or Ubuntu with glibc 2.28 or newer.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS cpu
ARG ARCHIVE
ADD ${ARCHIVE} /opt/
RUN ln -s /opt/fovea-* /opt/fovea && ln -s /opt/fovea/trainer /usr/local/bin/trainer \
 && useradd --create-home --uid 1000 fovea && mkdir /data && chown fovea /data
USER fovea
WORKDIR /data
EXPOSE 8080
ENTRYPOINT ["trainer"]

# The libraries for an NVIDIA GPU. They need no image of NVIDIA's; the driver's library comes from the host.
FROM cpu AS libraries
ARG CUDA=12
USER root
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates python3-pip
USER fovea
RUN trainer runtime install -gpu -cuda ${CUDA}

FROM cpu AS cuda
COPY --from=libraries --chown=fovea /home/fovea/.cache/fovea /home/fovea/.cache/fovea
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

# Without --target the image is the one for the CPU.
FROM cpu

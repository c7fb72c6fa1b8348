# For a classroom: everything is set up, only `make` is left to type.
#     docker build -t rnn .
#     docker run -it --rm -v "$PWD/runs:/rnn/runs" rnn make minimal
# For NVIDIA GPUs (and then `docker run --gpus all ...`):
#     docker build -t rnn --build-arg TENSORFLOW="tensorflow[and-cuda]" .
FROM python:3.13-slim

ARG TENSORFLOW=tensorflow
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /rnn
COPY . .
RUN sed -i "s/^tensorflow>/${TENSORFLOW}>/" requirements.txt && make setup

CMD ["bash"]

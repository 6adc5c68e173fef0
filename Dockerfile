# Workers and the REST API in containers; docker-compose.yml builds it. Tests check what it names
# (tests/unit/test_compose.py); it was written where there is no Docker, and has not been built.
FROM python:3.11-slim

ARG EXTRA=cpu
# gpu: --build-arg EXTRA=gpu --build-arg TORCH_INDEX=https://pypi.org/simple
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

WORKDIR /faceml
COPY . .
# In the order of the Makefile, for its reasons.
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" --extra-index-url https://pypi.org/simple \
        -c constraints.txt torch==2.13.0 \
    && pip install --no-cache-dir -c constraints.txt -e ".[$EXTRA,all]" \
    && pip install --no-cache-dir --no-deps insightface==2.1

RUN useradd --create-home --uid 1000 faceml && install --directory --owner faceml --group faceml /library
USER faceml
ENV FACEML_HOME=/library PYTHONUNBUFFERED=1
VOLUME /library
CMD ["faceml", "worker"]

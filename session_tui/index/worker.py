"""A process that reads sessions for the index; started by a refresh that has much to read.

It speaks in frames of MessagePack, each after its length in four bytes: first an `Order`, then `Reading`s in lists;
it answers each list with one of `Gathered`. It ends when its input does.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import msgspec

from session_tui.adapters.base import Adapter, World
from session_tui.index.documents import Gathered
from session_tui.index.gathering import Gatherer, Reading


class Order(msgspec.Struct, array_like=True):
    """What a worker must know before it reads: the index's folder, its own segments by kind, the world, and where
    the adapters' classes are, by store."""

    folder: str
    segments: dict[str, tuple[int, str]]
    home: str
    environ: dict[str, str]
    cwd: str
    data_dir: str
    adapters: dict[str, str]

    @classmethod
    def of(
        cls, folder: Path, segments: Mapping[str, tuple[int, str]], world: World, adapters: Mapping[str, Adapter]
    ) -> Order:
        """The order for a worker in ``world``."""
        classes = {name: f"{type(one).__module__}:{type(one).__qualname__}" for name, one in adapters.items()}
        environ = dict(world.environ)
        return cls(str(folder), dict(segments), str(world.home), environ, str(world.cwd), str(world.data_dir), classes)

    def world(self) -> World:
        """The world to read in."""
        return World(Path(self.home), self.environ, Path(self.cwd), Path(self.data_dir))

    def adapter(self, store: str) -> Adapter:
        """The adapter of a store, imported now."""
        module, _, name = self.adapters[store].partition(":")
        kind: type[Adapter] = getattr(importlib.import_module(module), name)
        return kind(self.world())


class _Adapters(dict[str, Adapter]):
    """Adapters by store, each made when it is first asked for."""

    def __init__(self, order: Order) -> None:
        super().__init__()
        self._order = order

    def __missing__(self, store: str) -> Adapter:
        self[store] = self._order.adapter(store)
        return self[store]


def send(pipe: IO[bytes], value: object) -> None:
    """Write one frame.

    Raises:
        OSError: nobody reads it.
    """
    data = msgspec.msgpack.encode(value)
    pipe.write(len(data).to_bytes(4, "little") + data)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes | None:
    """Read one frame; ``None`` at the end."""
    head = pipe.read(4)
    if len(head) < 4:
        return None
    data = pipe.read(int.from_bytes(head, "little"))
    return data if len(data) == int.from_bytes(head, "little") else None


def work(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until the requests end."""
    # Whatever else a person does meanwhile comes first.
    os.nice(10)
    # Texts are freed by their counts; collecting would only look at millions of strings again and again.
    gc.disable()
    first = receive(requests)
    if first is None:
        return
    order = msgspec.msgpack.decode(first, type=Order)
    gatherer = Gatherer(Path(order.folder), order.segments, _Adapters(order))
    batches = msgspec.msgpack.Decoder(list[Reading])
    while (frame := receive(requests)) is not None:
        send(answers, _gathered(gatherer, batches.decode(frame)))
        gc.collect()


def _gathered(gatherer: Gatherer, batch: list[Reading]) -> list[Gathered]:
    answer: list[Gathered] = []
    for reading in batch:
        try:
            answer.append(gatherer.gather(reading))
        except OSError as error:
            answer.append(Gathered(reading.document, [], failure=error.strerror or str(error), hopeless=True))
            break
    return answer


if __name__ == "__main__":
    work(sys.stdin.buffer, sys.stdout.buffer)

"""How long packed records take to be read beside loose ones, and in how much memory.

    python -m scripts.benchmark_packed                        # 10,000 records; 50,000 in a stream
    python -m scripts.benchmark_packed --stream 1000000       # an hour, most of it to make them up

Records are made up and thrown away. Each side reads all of them, one after the other, in a process
of its own, then looks single ones up as a run does. A line ``RATIO name value`` says how many times
faster or smaller the pack is; its peak memory is that of the process, libraries included.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.cell.packed import NAME, line_of, order, write
from bench.cell.record import encode, seal
from bench.cell.store import Store
from bench.verbs.pack import Packing
from scripts.benchmark_analysis import made_up, record_of, written
from scripts.fresh_process import result

LOOKED_UP = 200


def main() -> None:
    """Run both sides and print how they compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--stream", type=int, default=50_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = written(folder, made_up(args.records))
        loose = result(_read, folder)
        began = time.perf_counter()
        packing = Packing(store)
        packing.write()
        packing.remove()
        took = time.perf_counter() - began
        packed, size = result(_read, folder), store.pack_path.stat().st_size
    print(f"{packing.count:,} records packed, read back and removed in {took:.1f} s")
    for name, (seconds, looked_up, memory) in (("loose", loose), ("packed", packed)):
        print(f"{name}: {_told(seconds, looked_up, memory)}")
    with tempfile.TemporaryDirectory() as folder:
        _write_made_up(Path(folder, NAME), args.stream)
        seconds, looked_up, memory = result(_read, folder)
    print(f"{args.stream:,} packed records: {_told(seconds, looked_up, memory)}")
    print(f"RATIO packed_size {packing.size / size:.1f}")
    print(f"RATIO packed_read_time {loose[0] / packed[0]:.2f}")
    print(f"RATIO packed_look_up_time {loose[1] / packed[1]:.2f}")
    print(f"RATIO packed_read_memory {loose[2] / packed[2]:.2f}")
    print(f"RATIO stream_memory_{args.stream} {packed[2] / memory:.2f}")


def _told(seconds: float, looked_up: float, memory: float) -> str:
    return f"read in {seconds:.1f} s, one in {1000 * looked_up:.1f} ms, {memory:.0f} MiB"


def _read(folder: str) -> tuple[float, float, float]:
    """Processor seconds for all, for looking one up, and peak MiB."""
    began, count, some = time.process_time(), 0, []
    for count, record in enumerate(Store(folder).records(), start=1):
        if count % 97 == 0 and len(some) < LOOKED_UP:
            some.append((record["cell"], record["identity"]["hash"]))
    assert count
    seconds, began = time.process_time() - began, time.process_time()
    for cell, identity in some:
        assert Store(folder).look(cell, identity)[0] is not None
    looked_up = (time.process_time() - began) / len(some)
    return seconds, looked_up, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def _write_made_up(path: Path, records: int) -> None:
    with open(path, "wb") as file:
        write(file, _lines(records))


def _lines(records: int) -> Iterator[tuple[str, bytes]]:
    """(place, line), in order; of each dataset and method as many splits as it takes."""
    cells = made_up(10_000)
    cells = cells[cells["seed"] == 0]
    for (_, _), of in cells.groupby(["dataset", "method"]):
        row = of.iloc[0].to_dict()
        some = [record_of(row | {"seed": split}) for split in range(records // len(cells))]
        places = [_place(record["cell"], record["identity"]["hash"]) for record in some]
        for place, record in sorted(zip(places, some, strict=True), key=lambda p: order(p[0])):
            yield place, line_of(encode(seal(record)).encode())


def _place(cell: dict[str, object], identity: str) -> str:
    return Store(".").path(cell, identity).as_posix()


if __name__ == "__main__":
    main()

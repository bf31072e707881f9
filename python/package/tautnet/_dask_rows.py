"""Rows of Dask: cut into shards, kept by workers, and asked there.

    collections ─► blocks (numbers, checked) ─► slices at the edges of shards ─► parts, each some whole shards
    question ──► part ─┐
             ──► part ─┴► merged ─┐
             ──► part ────────────┴► merged ─► the answer of all rows

A part is made where its first rows are; only the rows that belong to a shard that begins in another partition move. Blocks, parts and answers are
pure functions of what they are made of, so that Dask makes anew what a worker had that died.
"""

from __future__ import annotations

import hashlib
import importlib
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _tautnet
from ._errors import TautnetError

# How often work that failed is begun anew.
RETRIES = 3
# Parts that a thread of the cluster has at least, where there are shards enough.
PARTS_A_THREAD = 4


def missing_dask() -> None:
    """Say what would do where there is no Dask."""
    try:
        importlib.import_module("dask.array")
        importlib.import_module("distributed")
    except ImportError as error:
        raise ImportError(f"`tautnet.dask` needs dask and distributed: {error}\nhint: pip install 'dask[distributed]'") from error


def is_collection(values: Any) -> bool:
    """Whether it is an array, a frame or a series of Dask."""
    return hasattr(values, "to_delayed") and hasattr(values, "__dask_graph__")


def client_of(client: Any) -> Any:
    """The client that was given, or the default one."""
    if client is None:
        try:
            client = importlib.import_module("distributed").get_client()
        except ValueError:
            raise TautnetError("there is no client of Dask", 'make one first, such as `distributed.Client("scheduler:8786")`, or give it as `client`') from None
    if client.asynchronous:
        raise TautnetError("the client of Dask is an asynchronous one", "make it without `asynchronous=True`")
    return client


class Block:
    """What is known of the blocks of a collection before any is there."""

    def __init__(self, what: str, values: Any, columns: tuple[list[str], bool] = ([], False), dtype: str = "f8") -> None:
        self.what, self.is_read = what, (what, *columns, dtype)
        if hasattr(values, "map_partitions"):
            self.given = list(values.to_delayed())
        else:
            values = values.rechunk({1: values.shape[1]}) if values.ndim == 2 else values
            self.given = list(values.to_delayed().ravel())


def taken(rows: Any, place: int, what: str, columns: list[str], named: bool, dtype: str) -> Any:
    """The numbers of a partition: inputs column by column, a target or weights; refused where they are none."""
    found = list(rows.columns) if hasattr(rows, "columns") else None
    if what == "X" and named and found is not None and found != columns:
        raise TautnetError(f"X: partition {place} has the columns {_some(found)} where {_some(columns)} are due", "give the same columns in every partition")
    types = [(getattr(rows, "name", None), rows.dtype)] if found is None else list(rows.dtypes.items())
    for name, kind in types:
        if not _is_number(kind):
            raise TautnetError(f"{what}: partition {place} has the type {kind}{_of_column(name)}", "give numbers in every partition")
        if dtype == "f4" and not np.can_cast(_numpy(kind), np.float32):
            raise TautnetError(f"{what}: partition {place} has the type {kind}{_of_column(name)} where float32 is due", "give the same types in every partition")
    numbers = rows.to_numpy(dtype=np.dtype(dtype), na_value=np.nan) if hasattr(rows, "to_numpy") else np.asarray(rows)
    numbers = np.asarray(numbers, dtype=dtype, order="F")
    if what == "X" and numbers.shape[1] != len(columns):
        raise TautnetError(f"X: partition {place} has {numbers.shape[1]} columns where {len(columns)} are due", "give the same columns in every partition")
    if what != "X":
        numbers = numbers.reshape(-1)
    bad = ~np.isfinite(numbers)
    if what == "sample_weight":
        bad |= numbers < 0
    if bad.any():
        k = int(np.flatnonzero(bad.any(axis=1) if numbers.ndim == 2 else bad)[0])
        j = int(np.flatnonzero(bad[k])[0]) if numbers.ndim == 2 else None
        column = "" if j is None else _of_column(columns[j] if named else None)
        value = numbers[k] if j is None else numbers[k, j]
        due = "sample weights must be finite and not negative" if what == "sample_weight" else "every value must be a finite number; drop or fill the row"
        raise TautnetError(f"{what}: partition {place}, row {k + 1} of it{column} is {value}", due)
    return numbers


def _some(names: list[Any]) -> str:
    return ", ".join(map(str, names[:5])) + (", …" if len(names) > 5 else "")


def _of_column(name: Any) -> str:
    return "" if name is None else f", column `{name}`,"


def _numpy(kind: Any) -> Any:
    """The type of the numbers in an array of pandas."""
    return kind if isinstance(kind, np.dtype) else getattr(kind, "numpy_dtype", np.dtype(object))


def _is_number(kind: Any) -> bool:
    if isinstance(kind, np.dtype):
        return kind.kind in "fiub"
    return bool(getattr(kind, "_is_numeric", False) or getattr(kind, "_is_boolean", False))


def length(block: Any) -> int:
    return len(block)


def sliced(block: Any, begin: int, end: int) -> Any:
    return block[begin:end]


def part(number: int, size: int, x: list[Any], y: list[Any], weights: list[Any] | None) -> Any:
    """Whole shards, from one number on: pieces of columns that come one after another."""
    return number, size, x, y, weights


def asked(question: str) -> str:
    return question


def wanted_of(question: str) -> set[int] | None:
    """The numbers of the shards that a question is for; None for all of them."""
    numbers = _tautnet.shards_asked(question)
    return None if numbers is None else set(numbers)


def visited(question: str, of: Any) -> Any:
    """What the shards of a part answer, each on this thread: the others of the worker have parts of their own."""
    number, size, x, y, weights = of
    rows = sum(map(len, y))
    shards = []
    wanted = wanted_of(question)
    for k, begin in enumerate(range(0, rows, size)):
        if wanted is not None and number + k not in wanted:
            continue
        end = min(begin + size, rows)
        of_weights = None if weights is None else _between(weights, begin, end)
        shards.append((number + k, (number + k) * size, _between(x, begin, end), _between(y, begin, end), of_weights))
    return _tautnet.visit(question, shards)


def _between(pieces: list[Any], begin: int, end: int) -> Any:
    """Rows of pieces that come one after another: a view where one piece has them all."""
    found, first = [], 0
    for piece in pieces:
        low, high = max(begin - first, 0), min(end - first, len(piece))
        if low < high:
            found.append(piece[low:high])
        first += len(piece)
    return found[0] if len(found) == 1 else np.concatenate(found)


def merged(*forests: Any) -> Any:
    return _tautnet.merge(list(forests))


def finished(*forests: Any) -> Any:
    return _tautnet.finish(_tautnet.merge(list(forests)))


class PartsOf:
    """The parts of a data set, kept by the workers of a client."""

    def __init__(self, client: Any, collections: tuple[Any, Any, Any], time_limit: float | None) -> None:
        X, y, sample_weight = collections
        for what, values in (("X", X), ("y", y), *([] if sample_weight is None else [("sample_weight", sample_weight)])):
            if not is_collection(values):
                raise TautnetError(
                    f"{what} is no collection of Dask, but a {type(values).__name__}",
                    "give an array or a frame of Dask (`dask.array.from_array`), or take LipschitzRegressor for rows in memory",
                )
        self.client = client_of(client)
        self.over = None if time_limit is None else time.monotonic() + time_limit
        self.token = uuid.uuid4().hex[:12]
        self.columns, self.named = _columns(X)
        self.target = _target(y, self.named, len(self.columns))
        if sample_weight is not None:
            _target(sample_weight, self.named, 0, "sample_weight")
        dtype = "f4" if all(np.dtype(_numpy(kind)) == np.float32 for kind in _types(X)) else "f8"
        of = [Block("X", X, (self.columns, self.named), dtype), Block("y", y)]
        if sample_weight is not None:
            of.append(Block("sample_weight", sample_weight))
        self.rows = 0
        self.runs: list[tuple[int, int]] = []
        self.size = _tautnet.rows_in_shard(len(self.columns))
        self.parts = self._parts(of)

    def _parts(self, of: list[Block]) -> list[Any]:
        dask: Any = importlib.import_module("dask")
        take, count = dask.delayed(taken, pure=False, traverse=False), dask.delayed(length, pure=False)
        blocks = [[take(given, place, *one.is_read) for place, given in enumerate(one.given)] for one in of]
        all_blocks = [block for some in blocks for block in some]
        futures = self.client.compute(all_blocks + [count(block) for block in all_blocks], retries=RETRIES)
        kept, counts = futures[: len(all_blocks)], self._results(futures[len(all_blocks) :])
        held, lengths = [], []
        for some in blocks:
            held.append([kept.pop(0) for _ in some])
            lengths.append([counts.pop(0) for _ in some])
        totals = [sum(some) for some in lengths]
        for one, total in zip(of[1:], totals[1:]):
            if total != totals[0]:
                raise TautnetError(f"X has {totals[0]} rows, and {one.what} has {total}", f"give one row of {one.what} for each row of X")
        if totals[0] == 0:
            raise TautnetError("X has no rows", "at least two rows of values are needed")
        self.rows = totals[0]
        graph, keys = self._graph(held, lengths, totals[0])
        parts = self.client.get(graph, keys, sync=False, retries=RETRIES)
        del futures, kept, held, all_blocks, blocks  # the workers may forget what no part is made of
        self._wait(parts)
        return list(parts)

    def _graph(self, held: list[list[Any]], lengths: list[list[int]], rows: int) -> tuple[dict[Any, Any], list[Any]]:
        """How parts are made of blocks."""
        task: Any = importlib.import_module("dask._task_spec").Task
        many: Any = importlib.import_module("dask._task_spec").List
        graph: dict[Any, Any] = {}

        def pieces(which: int, begin: int, end: int) -> Any:
            found, first = [], 0
            for place, (block, count) in enumerate(zip(held[which], lengths[which])):
                low, high = max(begin - first, 0), min(end - first, count)
                first += count
                if low >= high:
                    continue
                if (low, high) == (0, count):
                    found.append(block)
                    continue
                key = f"tautnet-slice-{self.token}-{which}-{place}-{low}"
                graph[key] = task(key, sliced, block, low, high)
                found.append(graph[key].ref())
            return many(*found)

        keys = []
        self.runs = self._runs(lengths[0], rows)
        for first, last in self.runs:
            begin, end = first * self.size, min(last * self.size, rows)
            key = f"tautnet-part-{self.token}-{first}"
            weights = pieces(2, begin, end) if len(held) > 2 else None
            graph[key] = task(key, part, first, self.size, pieces(0, begin, end), pieces(1, begin, end), weights)
            keys.append(key)
        return graph, keys

    def _runs(self, lengths: list[int], rows: int) -> list[tuple[int, int]]:
        """Runs of shards, each of shards that begin in the same partition, and not so many that threads have nothing to do."""
        shards = -(-rows // self.size)
        threads = sum(self.client.nthreads().values())
        most = max(1, shards // max(PARTS_A_THREAD * threads, 1))
        ends = np.cumsum(lengths)
        owner = np.searchsorted(ends, np.arange(shards) * self.size, side="right")
        runs: list[tuple[int, int]] = []
        for shard in range(shards):
            if runs and owner[shard] == owner[runs[-1][0]] and shard - runs[-1][0] < most:
                runs[-1] = (runs[-1][0], shard + 1)
            else:
                runs.append((shard, shard + 1))
        return runs

    def _wait(self, futures: list[Any]) -> None:
        """Until all are there: the first that fails is told."""
        distributed: Any = importlib.import_module("distributed")
        left = None if self.over is None else max(self.over - time.monotonic(), 0.0)
        try:
            for future in distributed.as_completed(futures, timeout=left):  # without the results, which stay where they are
                if future.status != "finished":
                    future.result()
        except TautnetError:
            raise
        except TimeoutError:
            raise TautnetError("the time limit was reached before all rows had been read", "give it more time, or fewer rows") from None

    def _results(self, futures: list[Any]) -> list[Any]:
        self._wait(futures)
        found: list[Any] = self.client.gather(futures)
        return found


class Asking:
    """Asks all parts: a graph for each question."""

    def __init__(self, rows: PartsOf) -> None:
        self.rows = rows

    def __call__(self, question: str, over: Callable[[], bool]) -> Any:
        """The numbers of the answer; None where it is time to end; in words why nobody answers."""
        client = self.rows.client
        if client.status != "running":
            return LOST
        graph, key = self.graph(question)
        try:
            future = client.get(graph, key, sync=False, retries=RETRIES)
        except (OSError, RuntimeError):
            return LOST
        return self.heard(future, over)

    def graph(self, question: str) -> tuple[dict[Any, Any], str]:
        """The graph of a question: answers of parts are merged two by two."""
        task: Any = importlib.import_module("dask._task_spec").Task
        name = f"{self.rows.token}-{hashlib.sha256(question.encode()).hexdigest()[:16]}"
        question_key = f"tautnet-question-{name}"
        graph = {question_key: task(question_key, asked, question)}
        level = []
        wanted = wanted_of(question)
        for place, (of, (first, last)) in enumerate(zip(self.rows.parts, self.rows.runs)):
            if wanted is not None and wanted.isdisjoint(range(first, last)):
                continue
            key = f"tautnet-visit-{name}-{place}"
            graph[key] = task(key, visited, graph[question_key].ref(), of)
            level.append(key)
        height = 0
        while len(level) > 2:
            height += 1
            above = []
            for place, begin in enumerate(range(0, len(level), 2)):
                pair = level[begin : begin + 2]
                key = f"tautnet-merge-{name}-{height}-{place}" if len(pair) == 2 else pair[0]
                if len(pair) == 2:
                    graph[key] = task(key, merged, *(graph[one].ref() for one in pair))
                above.append(key)
            level = above
        key = f"tautnet-answer-{name}"
        graph[key] = task(key, finished, *(graph[one].ref() for one in level))
        return graph, key

    def heard(self, future: Any, over: Callable[[], bool]) -> Any:
        """The result of a future."""
        distributed: Any = importlib.import_module("distributed")
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        while not done.wait(0.05):
            if over():
                future.cancel()
                return None
            if self.rows.client.status != "running":
                return LOST
        try:
            return future.result()
        except distributed.scheduler.KilledWorker:
            return "workers died again and again at work on the same rows"
        except TautnetError:
            raise
        except (distributed.CancelledError, OSError, TimeoutError):
            return LOST if self.rows.client.status != "running" else FORGOTTEN


# Why nobody answers.
LOST = "the connection to the scheduler of Dask was lost"
FORGOTTEN = "rows that a worker had are lost, and Dask does not know how to make them again"


def _types(X: Any) -> list[Any]:
    """The types of the columns, as far as they are known beforehand."""
    return list(X.dtypes) if hasattr(X, "map_partitions") else [X.dtype]


def _columns(X: Any) -> tuple[list[str], bool]:
    """The names of the columns, and whether these are their own."""
    if hasattr(X, "map_partitions"):
        if getattr(X, "ndim", 2) != 2:
            raise TautnetError("X is a series", "give a frame of Dask, one column an input")
        names = list(X.columns)
        for name, kind in zip(names, X.dtypes):
            if not _is_number(kind):
                raise TautnetError(f"X: column `{name}` has the type {kind}", "give numbers: encode words before, or leave the column out")
        own = all(isinstance(name, str) for name in names)
    else:
        if X.ndim != 2:
            raise TautnetError(f"X has {X.ndim} dimensions", "give an array of Dask with two dimensions, one row a sample")
        if not _is_number(X.dtype):
            raise TautnetError(f"X has the type {X.dtype}", "give numbers")
        names, own = [None] * int(X.shape[1]), False
    if not names:
        raise TautnetError("X has no columns", "at least one input column is needed")
    return ([str(name) for name in names] if own else [f"column_{j + 1}" for j in range(len(names))]), own


def _target(y: Any, named: bool, columns: int, what: str = "y") -> str:
    """The name of the target."""
    several = y.ndim == 2 and (len(y.columns) if hasattr(y, "columns") else y.shape[1]) != 1
    if several or y.ndim not in (1, 2):
        raise TautnetError(f"{what} has {y.ndim} dimensions", "give one column" if what != "y" else "give one target; train one network for each")
    name = y.columns[0] if y.ndim == 2 and hasattr(y, "columns") else getattr(y, "name", None)
    if hasattr(y, "map_partitions"):
        return name if named and isinstance(name, str) else "target" if named else f"column_{columns + 1}"
    return "target" if named else f"column_{columns + 1}"

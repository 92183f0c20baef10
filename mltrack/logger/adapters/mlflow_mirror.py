"""MLflow: what is logged here, mirrored to a tracking server while it is logged."""

from __future__ import annotations

import atexit
import queue
import sys
import threading
import time
import warnings
from typing import Any, Mapping, Tuple

from ..adapting import Sink

Row = Tuple[str, Any, int, Any]
# what one request of MLflow's REST API may carry
_MOST_METRICS, _MOST_PARAMS = 1000, 100
# characters, of a param's value
_MOST_TEXT = 6000
# seconds in which values gather before they are sent together
_PAUSE = 1.0


def mirror(log: Any, uri: str, experiment: str, run: str) -> str:
    """Begins a run on a server and returns its id; it ends when the program does."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    name = experiment or "Default"
    found = client.get_experiment_by_name(name)
    number = found.experiment_id if found else client.create_experiment(name)
    begun = client.create_run(number, run_name=run or None)
    sink = _Mirror(client, begun.info.run_id)
    log.sinks.append(sink)
    atexit.register(sink.end)
    return str(begun.info.run_id)


class _Mirror(Sink):
    """Sends from a thread of its own: the program waits for no server."""

    def __init__(self, client: Any, run: str) -> None:
        self._client, self._run = client, run
        self._rows: queue.Queue[Row | None] = queue.Queue()
        self._failed = False
        self._thread = threading.Thread(target=self._send_all, daemon=True)
        self._thread.start()
        self._before = sys.excepthook
        sys.excepthook = self._note_failure

    def metrics(self, step: int | float, values: Mapping[str, int | float]) -> None:
        moment = int(time.time() * 1000)
        for name, value in values.items():
            self._rows.put((name, value, moment, int(step)))

    def params(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            self._rows.put((name, str(value)[:_MOST_TEXT], 0, None))

    def end(self) -> None:
        """Sends what is left, and says that the run has ended."""
        self._rows.put(None)
        self._thread.join()
        try:
            self._client.set_terminated(
                self._run, "FAILED" if self._failed else "FINISHED"
            )
        except Exception as error:
            _warn(error)

    def _note_failure(self, kind: Any, error: Any, trace: Any) -> None:
        self._failed = True
        self._before(kind, error, trace)

    def _send_all(self) -> None:
        goes_on = True
        while goes_on:
            rows = [self._rows.get()]
            end = time.monotonic() + _PAUSE
            while rows[-1] is not None and len(rows) < _MOST_METRICS:
                try:
                    rows.append(
                        self._rows.get(timeout=max(0.0, end - time.monotonic()))
                    )
                except queue.Empty:
                    break
            goes_on = rows[-1] is not None
            self._send([row for row in rows if row is not None])

    def _send(self, rows: list[Row]) -> None:
        from mlflow.entities import Metric, Param

        metrics = [Metric(*row) for row in rows if row[3] is not None]
        params = [Param(row[0], row[1]) for row in rows if row[3] is None]
        try:
            if metrics:
                self._client.log_batch(self._run, metrics=metrics)
            for at in range(0, len(params), _MOST_PARAMS):
                self._client.log_batch(self._run, params=params[at : at + _MOST_PARAMS])
        except Exception as error:
            # a server that is away is no reason to end hours of training: all of it is
            # in the files
            _warn(error)


def _warn(error: Exception) -> None:
    warnings.warn(f"mltrack: MLflow has not got what was logged: {error}", stacklevel=2)

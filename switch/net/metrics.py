"""`/metrics` for Prometheus, and the counters behind it; served by the loop of the part that it describes."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from switch.cards.masking import without_card_numbers
from switch.net.latencies import Latencies
from switch.net.visitors import Visitor, Visitors

_BOUNDS_MS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000)
_DE39 = "de39-"  # how parts name their counters of answers
_MAX_REQUEST_BYTES = 8192  # a scraper's GET is some hundred bytes
_MAX_REASONS = 1_000  # reasons are slugs written in our code, a hundred or so: beyond this, one is made from input

LinkState = tuple[str, str, str, int]  # name, role, state, connections


class Counts:
    """Events by (name, reason)."""

    def __init__(self) -> None:
        self.events: Counter[tuple[str, str]] = Counter()

    def add(self, event: str, reason: str) -> None:
        """Count an event."""
        key = (event, reason)
        self.events[key if key in self.events or len(self.events) < _MAX_REASONS else ("other", "")] += 1


class PartCollector:
    """Reads a part's figures when Prometheus asks, so that counting costs the hot path next to nothing."""

    def __init__(
        self,
        counts: Counts,
        latencies: Latencies,
        counters: Callable[[], dict[str, int]],
        link_states: Callable[[], Iterable[LinkState]],
    ) -> None:
        self._counts = counts
        self._latencies = latencies
        self._counters = counters
        self._link_states = link_states

    def collect(self) -> Iterator[Metric]:
        """All metric families."""
        events = CounterMetricFamily("monetique_events", "Events by reason", labels=("event", "reason"))
        for (name, reason), count in self._counts.events.items():
            events.add_metric(_labels(name, reason), count)
        yield events
        answers = CounterMetricFamily("monetique_answers", "Authorizations answered, by DE 39", labels=("de39",))
        others = CounterMetricFamily("monetique_part", "What else the part's rules count", labels=("name",))
        for name, count in self._counters().items():
            if name.startswith(_DE39):
                answers.add_metric(_labels(name.removeprefix(_DE39)), count)
            else:
                others.add_metric(_labels(name), count)
        yield answers
        yield others
        yield from self._links()
        yield self._hops()

    def _links(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("monetique_link_up", "1 when signed on", labels=("link", "role", "state"))
        open_ = GaugeMetricFamily("monetique_link_connections", "Open connections", labels=("link", "role"))
        for name, role, state, connections in self._link_states():
            up.add_metric(_labels(name, role, state), float(state == "signed-on"))
            open_.add_metric(_labels(name, role), connections)
        yield up
        yield open_

    def _hops(self) -> Metric:
        family = HistogramMetricFamily("monetique_hop_seconds", "Time of each hop", labels=("hop",))
        for name, hop in self._latencies.hops.items():
            counts = hop.at_most([bound * 1000 for bound in _BOUNDS_MS])
            buckets = [(str(bound / 1000), float(count)) for bound, count in zip(_BOUNDS_MS, counts, strict=True)]
            family.add_metric(_labels(name), [*buckets, ("+Inf", float(hop.count))], sum_value=hop.sum_us / 1e6)
        return family


def _labels(*values: str) -> tuple[str, ...]:
    """Values of labels, without card numbers: some come from configurations and messages."""
    return tuple(map(without_card_numbers, values))


def registry(collector: PartCollector) -> CollectorRegistry:
    """A registry of its own, so that two parts in one process (tests) do not clash in the global one."""
    fresh = CollectorRegistry(auto_describe=False)
    fresh.register(collector)
    return fresh


class MetricsProtocol(Visitor):
    """HTTP/1.1 as far as a scraper needs it: GET /metrics, one answer, close."""

    def __init__(self, exposed: CollectorRegistry, visitors: Visitors) -> None:
        super().__init__(visitors)
        self._registry = exposed
        self._request = b""

    def data_received(self, data: bytes) -> None:
        self._request += data
        if b"\r\n\r\n" in self._request:
            self._answer(self._request.split(b"\r\n", 1)[0].split(b" "))
        elif len(self._request) > _MAX_REQUEST_BYTES:
            self._respond("431 Request Header Fields Too Large", b"")

    def _answer(self, request_line: list[bytes]) -> None:
        if len(request_line) != 3 or request_line[0] not in (b"GET", b"HEAD"):
            self._respond("405 Method Not Allowed", b"GET /metrics\n")
        elif request_line[1].split(b"?")[0] != b"/metrics":
            self._respond("404 Not Found", b"GET /metrics\n")
        else:
            self._respond("200 OK", generate_latest(self._registry), head=request_line[0] == b"HEAD")

    def _respond(self, status: str, body: bytes, *, head: bool = False) -> None:
        lines = (
            f"HTTP/1.1 {status}",
            f"Content-Type: {CONTENT_TYPE_LATEST}",
            f"Content-Length: {len(body)}",
            "Connection: close",
        )
        self.transport.write("\r\n".join((*lines, "", "")).encode() + (b"" if head else body))
        self.transport.close()

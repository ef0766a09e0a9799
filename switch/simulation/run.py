"""One seed, one run, one verdict: the whole bench under a plan of faults, watched by the checkers.

    signed on ─▶ traffic and faults ─▶ enough requests ─▶ faults on their reversals ─▶ quiet ─▶ debts settle ─▶ compare

A run is a function of its seed. So a failing one is made shorter by running it again with fewer requests and with
fewer of its faults, as long as it fails in the same invariant: first halves of the faults are left out, then quarters,
down to single ones (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002). What remains is
told as a story: the faults that are needed, and every frame of the transaction that suffered.
"""

import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from switch.acquirers.acquirer import Acquirer
from switch.config.tables import Config
from switch.issuers.issuer import Issuer
from switch.simulation.bench import Bench
from switch.simulation.faults import Fault, Level, Occasion, Plan
from switch.simulation.invariants import Card, Checker, Violation
from switch.simulation.numbers import give_out
from switch.simulation.scenario import Scenario, stressed

STEP_S: Final = 1.0  # how often the run is looked at
UNTIL_QUIET_S: Final = 30.0  # faults go on that long after the last request, for its reversal
SETTLE_S: Final = 240.0  # the acquirers' 10 s timer, then reversals repeated at 5, 10, 20, 40, 60, 60 s
RECONCILE_S: Final = 5.0  # one question and its answer
PATIENCE_S: Final = 600.0  # and a second a request: beyond it the traffic is stuck
MOST_RUNS: Final = 150  # to find a shorter failure; each takes less than a tenth of a second


@dataclass(frozen=True)
class Result:
    """How one run ended."""

    seed: int
    authorizations: int  # requests sent
    faults: Level
    log_sha256: str
    violations: tuple[Violation, ...]
    struck: tuple[Fault, ...]
    story: tuple[tuple[float, str, str], ...]

    @property
    def verdict(self) -> str:
        return "violated" if self.violations else "clean"


def run(
    config: Config, seed: int, authorizations: int, level: Level, only: Collection[Occasion] | None = None
) -> Result:  # fmt: skip
    """Run one seed until it is settled, or until the first violation; `only` restricts the faults."""
    return _Run(config, seed, authorizations, Plan(seed, level, only)).result()


class _Run:
    def __init__(self, config: Config, seed: int, authorizations: int, plan: Plan) -> None:
        self._wanted = authorizations
        self._plan = plan
        drawn = stressed(config, seed)
        dialects = {link.name: link.dialect for link in drawn.link if link.role == "issuer"}
        dialects |= {f"traffic-{link.name}": link.dialect for link in drawn.link if link.role == "acquirer"}
        links = {f"traffic-{link.name}": link.name for link in drawn.link if link.role == "acquirer"}
        self._checker = Checker(dialects, cards_of(drawn), links)
        self._bench = Bench(drawn, seed, plan, self._checker)
        self._scenario = Scenario(self._bench, seed)
        self._checker.requested = self._stop_when_enough

    def result(self) -> Result:
        checker, plan = self._checker, self._plan
        try:
            self._go()
        except Exception as error:
            checker.stopped(f"a part failed: {place_of(error)}", self._bench.world.now)
        return Result(
            plan.seed, len(checker.seen), plan.level, checker.log_sha256, tuple(checker.violations),
            tuple(plan.struck), tuple(checker.story),
        )  # fmt: skip

    def _go(self) -> None:
        world, checker = self._bench.world, self._checker
        self._until(lambda: self._bench.core.ready(), PATIENCE_S)
        cards = [card.pan for card in self._bench.config.card]
        issued, self._bench.presented = give_out(self._bench, hidden_cards(self._bench.config))
        checker.numbers.given_out(issued, cards)
        self._bench.start_traffic()
        self._scenario.begin()
        patience_s = PATIENCE_S + self._wanted
        self._until(self._enough, patience_s)
        if not self._enough():
            checker.stopped(f"the traffic is stuck: {len(checker.seen)} requests in {patience_s:g} s", world.now)
        self._until(lambda: False, UNTIL_QUIET_S)
        self._plan.quiet()
        self._until(lambda: False, SETTLE_S)
        for day in self._scenario.days():
            self._scenario.reconcile_all(day)
            self._until(lambda: False, RECONCILE_S)
        if not checker.violations:
            checker.finish(world.now)

    def _until(self, done: Callable[[], bool], longest_s: float) -> None:
        """Let time pass until something is done, for so long at most; or until an invariant does not hold."""
        world, checker = self._bench.world, self._checker
        end = world.now + longest_s
        while world.now < end and not done() and not checker.violations:
            world.run(STEP_S)
            self._check_accounts()

    def _enough(self) -> bool:
        return len(self._checker.seen) >= self._wanted

    def _stop_when_enough(self) -> None:
        """Asked at each request, so also at the first of an acquirer that came back later."""
        if self._enough():
            for host in self._bench.acquirers.values():
                assert isinstance(host.part, Acquirer)
                host.part.stop_traffic()

    def _check_accounts(self) -> None:
        """Compare the accounts with the checker's where nothing is under way to the disk."""
        for name, host in self._bench.issuers.items():
            assert isinstance(host.part, Issuer)
            if host.up and host.at_rest:
                for account in host.part.ledger.accounts():
                    credited_cents = account.balance_cents - account.card.balance_cents
                    self._checker.check_account(name, account.reference, account.held_cents, credited_cents)


def hidden_cards(config: Config) -> list[str]:
    """The cards that nobody presents: disposable numbers stand for them."""
    return [card.pan for card in config.card if not card.sample]


def cards_of(config: Config) -> dict[str, dict[str, Card]]:
    """What the checker knows of each account: by issuer, and by the masked number that its log names it by."""
    return {
        issuer.name: {
            f"{card.pan[:6]}{'*' * (len(card.pan) - 10)}{card.pan[-4:]}": Card(
                card.balance_cents, card.limit_cents, card.behaviour == "approve"
            )
            for card in config.card
            if card.issuer == issuer.name
        }
        for issuer in config.issuer
    }


def place_of(error: Exception) -> str:
    """What was raised and where. Its text stays away: it may quote what must not be shown."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, {PurePath(frame.filename).name} line {frame.lineno}"


# -- shorter failures -------------------------------------------------------------------------------------------------


def shortest(config: Config, failed: Result, authorizations: int) -> Result:
    """The run with the fewest faults and requests that still fails as `failed` does, as far as `MOST_RUNS` find it.

    Faults come first: with fewer requests, one that merely makes room for the fatal request would seem to be needed.
    """
    search = _Search(config, failed, authorizations)
    search.fewer_faults()
    search.fewer_requests()
    return search.best


class _Search:
    def __init__(self, config: Config, failed: Result, authorizations: int) -> None:
        self._config = config
        self._wanted = authorizations
        self._needed = [fault.occasion for fault in failed.struck]
        self._runs = 0
        self.best = failed

    def fewer_faults(self) -> None:
        """Leave out parts of the faults, ever smaller ones, as long as something can be left out."""
        size = max(1, len(self._needed) // 2)
        while self._needed and self._runs < MOST_RUNS:
            left_out = self._first_needless(size)
            if left_out:
                self._needed = [occasion for occasion in self._needed if occasion not in left_out]
            elif size == 1:
                return
            else:
                size = (size + 1) // 2

    def _first_needless(self, size: int) -> set[Occasion]:
        """The first part of that size without which it fails all the same; empty when each is needed."""
        for start in range(0, len(self._needed), size):
            part = set(self._needed[start : start + size])
            if self._still_fails(self._wanted, set(self._needed) - part):
                return part
        return set()

    def fewer_requests(self) -> None:
        """Halve the number of requests as long as it still fails."""
        wanted = self.best.authorizations // 2
        while wanted and self._still_fails(wanted, self._needed):
            wanted = min(wanted, self.best.authorizations) // 2

    def _still_fails(self, authorizations: int, only: Collection[Occasion]) -> bool:
        if self._runs >= MOST_RUNS:
            return False
        self._runs += 1
        result = run(self._config, self.best.seed, authorizations, self.best.faults, only)
        same = bool(result.violations) and result.violations[0].invariant == self.best.violations[0].invariant
        if same:
            self.best = result
        return same


def trace(result: Result) -> list[str]:
    """The story of a failed run, up to the violation: what concerns everybody, and the transaction that suffered."""
    if not result.violations:
        return []
    violation, start = result.violations[0], result.story[0][0]
    end = next(index for index, (_, text, _) in enumerate(result.story) if text.startswith(violation.invariant))
    return [
        f"{at - start:12.6f} s  {text}"
        for at, text, transaction in result.story[: end + 1]
        if transaction in ("", violation.transaction)
    ]

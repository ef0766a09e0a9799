"""File actions, 0302 and its repeat 0303, from acquirers that may: numbers given out, cancelled, shown.

DE 101 names the file, which is the payment scheme's; DE 91 says what is to be done with it. What is done is durable
before the 0312 leaves. A repeat is the scheme's to recognise, by the reference that survives a restart with the number.
"""

from switch.core import checks, records, results
from switch.core import fields as de
from switch.core.context import Context
from switch.core.links import AcquirerLink
from switch.core.schemes import FileAction, Filed, Kept
from switch.iso8583.codec import View


class FileActions:
    """The handler of 0302 and 0303."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def request(self, conn: int, link: AcquirerLink, view: View, now: float) -> None:
        """Do what is asked, once, and answer."""
        context = self.context
        failure = self._no_such_file(view) or checks.file_action(view, link)
        if failure is None and context.stalled:
            failure = checks.Failure(results.MALFUNCTION, "log-stalled", context.stalled)
        done = failure or self._act(view, now)
        if isinstance(done, checks.Failure):
            result = done.result if done.result in link.code_of else results.INVALID_TRANSACTION
            context.refuse(conn, link, view, result, done.reason, done.why)
            return
        assert context.scheme is not None
        if done.kept is not None:
            self._keep(done.kept, now)
        fields = context.scheme.fields(done.mark, now)
        extras = {number: view.text(number) or "" for number in (de.FILE_UPDATE, de.FILE_NAME)} | fields
        context.counters["file-actions"] += 1
        context.answer(conn, view, link.code_of[results.APPROVED], None, extras)

    def _no_such_file(self, view: View) -> checks.Failure | None:
        """Without a file that is here, an 0302 is no transaction that we know."""
        scheme = self.context.scheme
        if scheme is not None and (view.text(de.FILE_NAME) or "").rstrip() == scheme.file_name:
            return None
        why = f"DE 101 names no file that is here; there is {'none' if scheme is None else scheme.file_name}"
        return checks.Failure(results.INVALID_TRANSACTION, "no-such-file", why)

    def _act(self, view: View, now: float) -> Filed | checks.Failure:
        scheme = self.context.scheme
        assert scheme is not None
        reference = "|".join([view.text(number) or "" for number in (de.ACQUIRER, de.STAN, de.RRN, de.TERMINAL)])
        amount = view.text(de.AMOUNT) or ""
        action = FileAction(
            view.text(de.FILE_UPDATE) or "", checks.pan_of(view), int(amount) if amount.isdecimal() else 0,
            view.text(de.CURRENCY) or "", view.text(de.EXPIRY), view.text(de.PRIVATE), reference,
        )  # fmt: skip
        return scheme.act(action, self.context.epoch, self.context.next_number(), now)

    def _keep(self, kept: Kept, now: float) -> None:
        context = self.context
        assert context.scheme is not None
        sealed = b""
        if kept.clear is not None:
            sealed = context.vault.seal_bytes(kept.clear, context.epoch, context.next_number())
        context.commit(records.Instrument(kept.mark, now, sealed, kept.state))
        context.scheme.keep(kept.mark, sealed, kept.clear, kept.state)

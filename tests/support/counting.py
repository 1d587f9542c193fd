# SPDX-License-Identifier: EUPL-1.2
"""An adapter that answers every request and writes down which exchanges it executed."""

from federation import messages
from hanging import HangingAdapter


class CountingAdapter(HangingAdapter):
    """GetPerson is answered with an empty person; `executed` holds one exchange id per execution."""

    def __init__(self, federation):
        super().__init__(federation, answer=messages("rks/civil/v1/civil.proto").GetPersonResponse().SerializeToString())
        self.executed = []

    def handle(self, request, context):
        self.executed.append(dict(context.invocation_metadata())["besa-exchange-id"])
        return self.answer

    def __exit__(self, *arguments):
        self.server.stop(0).wait()

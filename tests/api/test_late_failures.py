"""Late failures over HTTP."""

import pytest

from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio
PAYMENTS = "/api/v1/payments"
WISH = {"amount": 10_000, "currency": "INR", "payment_method": "tok_visa"}


async def test_an_operator_records_what_the_bank_says(operator: Caller, seller: Caller) -> None:
    paid = (await seller.post(PAYMENTS, WISH)).json
    path = f"{PAYMENTS}/{paid['id']}/late-failure"

    refused = await seller.post(path, {"code": "recalled"})
    done = await operator.post(path, {"code": "recalled"})
    again = await operator.post(path, {"code": "recalled"})

    assert (refused.status, refused.code) == (403, "permission_denied")
    assert (done.status, done.json["status"], done.json["failure_code"]) == (
        200, "failed", "recalled",
    )  # fmt: skip
    assert (again.status, again.code) == (409, "payment_not_failable")


@pytest.mark.parametrize("body", [{}, {"code": "lost"}, {"code": 1}, {"code": "recalled", "a": 1}])
async def test_the_body_is_read_strictly(operator: Caller, body: dict[str, object]) -> None:
    path = f"{PAYMENTS}/pay_01kjpy44e0fh0r68j79jejabkn/late-failure"
    answer = await operator.post(path, body)

    assert (answer.status, answer.code) == (422, "invalid_fields")
    unknown = await operator.post(path, {"code": "recalled"})
    assert (unknown.status, unknown.code) == (404, "payment_not_found")

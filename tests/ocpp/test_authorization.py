"""Who may charge."""

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.ocpp.authorization import IdTag, IdTags, mask
from custom_components.bemcom_connectors.ocpp.model import TagPolicy

NOW = 1_000_000.0


def status(tags: IdTags, tag: str, policy: TagPolicy = TagPolicy.REFUSE) -> str:
    return tags.authorize(tag, policy, NOW).status


def test_a_tag_is_found_without_regard_to_case() -> None:
    tags = IdTags([IdTag(tag="CafeBabe", name="Anna")])
    assert status(tags, "cAFEbABE") == "Accepted"
    assert status(tags, " CAFEBABE ") == "Accepted"
    assert tags.knows("cafebabe")
    assert tags.label("cafebabe") == "Anna"


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (IdTag(tag="A"), "Accepted"),
        (IdTag(tag="A", blocked=True), "Blocked"),
        (IdTag(tag="A", expiry=NOW), "Expired"),
        (IdTag(tag="A", expiry=NOW + 1), "Accepted"),
        (IdTag(tag="A", expiry=NOW - 1, blocked=True), "Blocked"),
        (IdTag(tag="B"), "Invalid"),
    ],
)
def test_what_was_said_of_a_tag_counts(tag: IdTag, expected: str) -> None:
    assert status(IdTags([tag]), "A") == expected


def test_the_policy_is_for_tags_that_nobody_added() -> None:
    tags = IdTags([IdTag(tag="A", blocked=True)])
    assert status(tags, "B", TagPolicy.ACCEPT) == "Accepted"
    assert status(tags, "B", TagPolicy.REFUSE) == "Invalid"
    assert status(tags, "A", TagPolicy.ACCEPT) == "Blocked"


def test_the_answer_has_expiry_and_parent() -> None:
    tags = IdTags([IdTag(tag="A", expiry=2_000_000_000.0, parent="FAMILY")])
    assert tags.authorize("a", TagPolicy.REFUSE, NOW).info == {
        "status": "Accepted",
        "expiryDate": "2033-05-18T03:33:20Z",
        "parentIdTag": "FAMILY",
    }


@given(st.text(max_size=40))
def test_no_more_than_the_end_of_a_tag_is_shown(tag: str) -> None:
    shown = mask(tag)
    assert shown.startswith("…")
    assert len(shown) <= 5
    assert len(shown) - 1 <= len(tag.strip()) / 2


def test_a_tag_is_in_no_repr() -> None:
    assert "SECRET" not in repr(IdTag(tag="SECRET", parent="SECRET"))

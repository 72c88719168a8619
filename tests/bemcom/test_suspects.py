"""Which message it is that makes a broker hang up."""

from custom_components.bemcom_connectors.bemcom.outbox import Outgoing
from custom_components.bemcom_connectors.bemcom.suspects import Suspects

NOW = 1000.0


def message(topic: str, size: int = 10) -> Outgoing:
    return Outgoing(topic, b"x" * size, 1, retain=True)


def give_up(suspects: Suspects, it: Outgoing) -> int:
    """Lose connections until a message is given up; return how many."""
    for count in range(1, 20):
        if it.topic not in suspects:
            suspects.lost_with([it, message("b")])
        elif suspects.lost_alone_with(it, NOW):
            return count
    raise AssertionError("It never is")


def test_what_was_there_twice_is_sent_alone_and_then_given_up() -> None:
    suspects = Suspects()
    it = message("a")
    assert give_up(suspects, it) == 5
    assert "b" in suspects
    suspects.arrived(message("b"))
    assert "b" not in suspects
    assert suspects.is_given_up(it, NOW)
    assert suspects.is_counted(message("a"), NOW)
    assert suspects.is_given_up(message("a", 11), NOW)
    assert not suspects.is_counted(message("a", 11), NOW)
    assert not suspects.is_given_up(message("a", 9), NOW)
    assert not suspects.is_given_up(message("b", 11), NOW)
    assert not suspects.is_counted(message("b"), NOW)


def test_each_has_another_chance_and_then_a_longer_pause() -> None:
    suspects = Suspects()
    it = message("a")
    give_up(suspects, it)
    assert suspects.is_given_up(it, NOW + 599)
    assert not suspects.is_given_up(it, NOW + 600)
    assert not suspects.is_counted(it, NOW + 600)
    give_up(suspects, it)
    assert suspects.is_given_up(it, NOW + 1199)
    assert not suspects.is_given_up(it, NOW + 1200)
    for _ in range(20):
        give_up(suspects, it)
    assert not suspects.is_given_up(it, NOW + 86_400)
    # What is shorter says nothing of it; when it arrives itself, all is forgotten.
    suspects.arrived(message("a", 9))
    assert suspects.is_given_up(it, NOW)
    suspects.arrived(it)
    assert not suspects.is_given_up(it, NOW)
    give_up(suspects, it)
    assert not suspects.is_given_up(it, NOW + 600)


def test_what_arrives_in_between_is_not_at_fault() -> None:
    suspects = Suspects()
    for _ in range(10):
        suspects.lost_with([message("a")])
        suspects.arrived(message("a"))
    assert "a" not in suspects


def test_it_does_not_remember_everything() -> None:
    suspects = Suspects()
    for number in range(2_500):
        suspects.lost_with([message(f"{number}")])
        # What it forgets takes longer.
        assert 5 <= give_up(suspects, message(f"given up {number}")) <= 7
    assert len(suspects._lost) <= 1_000
    assert len(suspects._given_up) <= 1_000

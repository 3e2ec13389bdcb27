"""Questions in conversations: who answers them, in which words, and how they are withdrawn."""

from typing import Any

import openai
import pytest

from fakes.conversations import APPROVES, World
from fakes.runs_api import API, human

QUESTION = "Refund 7 EUR?\nAnswer with one of: approve, reject."
MISREAD = 'I did not understand this answer; say "cancel" to withdraw the question.'
LEFT = "The question is withdrawn, and the run is cancelled."


class Talk:
    """One person's conversation with a workflow, in a client that keeps the messages itself."""

    def __init__(self, world: World, model: str, **more: Any) -> None:
        self._create: Any = world.openai.chat.completions.create
        self._model, self._more = model, more
        self.messages: list[Any] = []
        self.ids: list[str] = []

    def say(self, text: str) -> str:
        self.messages.append({"role": "user", "content": text})
        done = self._create(model=self._model, messages=self.messages, **self._more)
        self.ids.append(done.id)
        said = str(done.choices[0].message.content)
        self.messages.append({"role": "assistant", "content": said})
        return said


def contents(world: World, thread: str) -> list[tuple[str, str]]:
    found = world.api.get(f"{API}/threads/{thread}/messages").json()
    assert [each["number"] for each in found] == list(range(1, len(found) + 1))
    return [(each["role"], each["content"]) for each in found]


def test_an_openai_client_answers_a_question(world: World) -> None:
    world.store("approves", APPROVES)
    talk = Talk(world, "approves")
    first = talk.say("Order 8.")
    assert first.startswith(f"{QUESTION}\n(Question ")
    assert talk.say("Hm.") == f"{MISREAD}\n{first}"
    create: Any = world.openai.chat.completions.create
    messages = [*talk.messages, {"role": "user", "content": "ok"}]
    stream = create(model="approves", messages=messages, stream=True)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert said == "Refunded: Order 8."


def test_two_people_with_the_same_words_answer_their_own_questions(world: World) -> None:
    world.store("approves", APPROVES)
    people = [Talk(world, "approves") for _ in range(3)]
    for person in people:
        person.say("Order 9.")
    said = [person.say(text) for person, text in zip(people, ("yes", "no", "yes"), strict=True)]
    assert said == ["Refunded: Order 9.", "Not refunded.", "Refunded: Order 9."]
    # Each answer continued the run that had asked this person.
    asked, answered = zip(*(person.ids for person in people), strict=True)
    assert asked == answered
    assert len(set(asked)) == 3


def test_a_question_that_was_answered_is_not_answered_again(world: World) -> None:
    world.store("approves", APPROVES)
    talk = Talk(world, "approves")
    talk.say("Order 10.")
    asked = list(talk.messages)
    assert talk.say("yes") == "Refunded: Order 10."
    talk.messages = list(asked)
    assert talk.say("ok") == "Refunded: Order 10."
    talk.messages = list(asked)
    with pytest.raises(openai.ConflictError, match="answered differently") as refused:
        talk.say("no")
    assert refused.value.code == "not-answerable"
    # To another workflow, it is a message like any other.
    world.store("echo", {"nodes": [{"id": "a", "type": "template", "config": {"template": "Hi."}}]})
    other = Talk(world, "echo")
    other.messages = list(asked)
    assert other.say("no") == "Hi."


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("Yes, please!", "Refunded: Order 1."),
        ("OK", "Refunded: Order 1."),
        ("sure, go ahead", "Refunded: Order 1."),
        ("Do it", "Refunded: Order 1."),
        ("No thanks.", "Not refunded."),
        ("reject: too expensive", "Not refunded."),
        ("No, it is too late.", "Not refunded."),
        ("No problem!", None),
        ("Perhaps", None),
        ("yes and no", None),
        ("approve, but only half", None),
        ("approve? no!", None),
    ],
)
def test_an_approval_takes_the_usual_words(world: World, word: str, answer: str | None) -> None:
    world.store("approves", APPROVES)
    thread = world.chat("approves", "Order 1.")["thread_id"]
    expected = f"{MISREAD}\n{QUESTION}" if answer is None else answer
    assert world.chat("approves", word, thread_id=thread)["message"] == expected
    said = [("user", "Order 1."), ("assistant", QUESTION), ("user", word), ("assistant", expected)]
    assert contents(world, thread) == said


@pytest.mark.parametrize(
    ("word", "choice"), [("Send back, please", "send_back"), ("yes", "accept"), ("no", "decline")]
)
def test_choices_are_made_in_other_words(world: World, word: str, choice: str) -> None:
    nodes = [human("ask", title="Well?", choices=["accept", "decline", "send_back"])]
    world.store("chooses", {"nodes": nodes})
    thread = world.chat("chooses", "Hi.")["thread_id"]
    done = world.chat("chooses", word, thread_id=thread)
    assert (done["status"], done["output"]["choice"]) == ("completed", choice)


@pytest.mark.parametrize("word", ["cancel", "Never mind.", "/cancel", "stop"])
def test_a_question_can_be_withdrawn(world: World, word: str) -> None:
    world.store("approves", APPROVES)
    asked = world.chat("approves", "Order 2.")
    left = world.chat("approves", word, thread_id=asked["thread_id"])
    assert (left["status"], left["message"], left["error"]) == ("cancelled", LEFT, None)
    run = world.api.get(f"{API}/runs/{asked['run_id']}").json()
    assert (run["status"], run["error"]["message"]) == (
        "cancelled", "A message in the chat withdrew its question.",
    )  # fmt: skip
    assert contents(world, asked["thread_id"])[2:] == [("user", word), ("assistant", LEFT)]
    # The thread is free again.
    again = world.chat("approves", "Order 3.", thread_id=asked["thread_id"])
    assert again["message"] == QUESTION


def test_a_withdrawal_that_is_sent_again_is_the_same_turn(world: World) -> None:
    world.store("approves", APPROVES)
    asked = world.chat("approves", "Order 2.")
    body = {"message": "never mind", "thread_id": asked["thread_id"], "stream": False}
    headers = {"idempotency-key": f"leave {asked['run_id']}"}
    url = f"{API}/workflows/approves/chat"
    first, again = (world.api.post(url, json=body, headers=headers).json() for _ in range(2))
    assert first == again
    assert (first["run_id"], first["status"]) == (asked["run_id"], "cancelled")
    assert len(contents(world, asked["thread_id"])) == 4
    other = world.api.post(url, json={**body, "message": "yes"}, headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "key-taken")
    talk = Talk(world, "approves")
    talk.say("Order 4.")
    before = list(talk.messages)
    talk.say("never mind")
    talk.messages = before
    assert talk.say("never mind") == LEFT


def test_a_question_is_withdrawn_over_openais_api(world: World) -> None:
    world.store("approves", APPROVES)
    talk = Talk(world, "approves")
    talk.say("Order 4.")
    assert talk.say("never mind") == LEFT
    assert talk.say("Order 5.").startswith(QUESTION)
    client = world.openai
    asked = client.responses.create(model="approves", input="Order 6.")
    left = client.responses.create(
        model="approves", input="forget it", previous_response_id=asked.id
    )
    assert (left.output_text, left.status) == (LEFT, "completed")
    assert client.responses.retrieve(asked.id).status == "cancelled"


def test_an_answer_may_have_the_word_that_withdraws(world: World) -> None:
    world.store("keeps", {"nodes": [human("ask", title="Keep it?", choices=["keep", "cancel"])]})
    thread = world.chat("keeps", "Hi.")["thread_id"]
    misread = world.chat("keeps", "Hm.", thread_id=thread)["message"]
    assert misread.startswith('I did not understand this answer; say "/cancel"')
    done = world.chat("keeps", "Cancel", thread_id=thread)
    assert (done["status"], done["output"]["choice"]) == ("completed", "cancel")
    # Where any text is an answer, `stop` is one, too.
    form = human("ask", title="Which button?", form={"button": "string"})
    world.store("asks", {"nodes": [form]})
    thread = world.chat("asks", "Hi.")["thread_id"]
    done = world.chat("asks", "Stop", thread_id=thread)
    assert done["output"]["button"] == "Stop"


def test_questions_of_one_run_are_asked_and_answered_in_turn(world: World) -> None:
    form = {"place": "string"}
    nodes = [
        human("first", title="Refund?", choices=["approve", "reject"]),
        human("second", title="Which cost centre?", form=form),
        {"id": "done", "type": "template", "depends_on": ["first", "second"],
         "config": {"template": "{{first.output.choice}} {{second.output.place}}"}},
    ]  # fmt: skip
    world.store("two", {"nodes": nodes})
    asked = world.chat("two", "Hi.")
    thread, first = asked["thread_id"], asked["message"]
    second = world.chat("two", "ok" if "Refund" in first else "CC-7", thread_id=thread)["message"]
    assert {first.splitlines()[0], second.splitlines()[0]} == {"Refund?", "Which cost centre?"}
    done = world.chat("two", "CC-7" if "Refund" in first else "ok", thread_id=thread)
    assert done["message"] == "approve CC-7"
    roles = ["user", "assistant", "user", "assistant", "user", "assistant"]
    said = contents(world, thread)
    assert [role for role, _ in said] == roles
    assert [said[1][1], said[3][1], said[5][1]] == [first, second, "approve CC-7"]


def test_an_answer_is_text(world: World) -> None:
    world.store("approves", APPROVES)
    talk = Talk(world, "approves")
    talk.say("Order 7.")
    parts = [{"type": "image_url", "image_url": {"url": "https://a.test/b.png"}}]
    messages = [*talk.messages, {"role": "user", "content": parts}]
    create: Any = world.openai.chat.completions.create
    with pytest.raises(openai.BadRequestError, match="answered with text") as refused:
        create(model="approves", messages=messages)
    assert refused.value.param == "messages[2].content[0]"

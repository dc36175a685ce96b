"""What is scored of a conversation."""

import pytest

from leeroo.conversation import BACK, LONG, STANDS_ALONE, Turn, content, scored_text, tool_names
from leeroo.prediction.text import clip

QUESTION = "A train leaves Vienna at 9:40 and arrives in Graz at 12:18. How long does the journey take?"
OTHER = "Which of these four gases contributes most to the greenhouse effect of the atmosphere?"
LONG_ANSWER = "Water vapour does: it absorbs infrared radiation over most of the spectrum, carbon dioxide comes second."


def user(text):
    return Turn("user", text)


def assistant(text):
    return Turn("assistant", text)


def system(text):
    return Turn("system", text)


def scored(*turns, **options):
    return scored_text(turns, lambda turn: turn, **options)


@pytest.mark.parametrize(
    "text",
    [QUESTION, "hi", "  spaces stay \n", "分析中国外国投资规则", "x " * (LONG // 2), "\ud800", "0"],
)
def test_a_single_turn_is_scored_as_it_is(text):
    assert scored(user(text)) == text


def test_a_question_that_stands_alone_is_scored_alone():
    chat = [system("You are a helpful assistant."), user(OTHER), assistant(LONG_ANSWER)]
    assert scored(*chat, user(QUESTION), tools=["get_weather"]) == QUESTION


@pytest.mark.parametrize(
    "text",
    [
        "and now?",
        "and the second one?",
        "please continue",
        "fix the bug",
        "Can you explain that in more detail?",
        "¿Y el segundo?",
        "Продолжай, пожалуйста",
        "もう一度",
        "続けてください",
        "继续",
        "第二个呢？",
        "계속해 주세요",
        "ต่อไป",
        "وماذا بعد؟",
    ],
)
def test_a_follow_up_is_scored_with_what_it_follows(text):
    assert scored(user(OTHER), assistant(LONG_ANSWER), user(QUESTION), assistant("2:38."), user(text)) == (
        f"{QUESTION}\n{text}"
    )


@pytest.mark.parametrize(
    "text",
    [
        QUESTION,
        "What is the population density of Austria and of Hungary?",
        "鎌倉幕府の成立に至った背景を説明し、これが日本の歴史に及ぼした影響について述べてください。",
        "分析中国外国投资规则下的强制技术转让",
        "오스트리아와 헝가리의 인구 밀도를 표로 비교해 주세요",
        "Welche Bevölkerungsdichte haben Österreich und Ungarn?",
        "Какова плотность населения Австрии и Венгрии сегодня?",
        "ความหนาแน่นของประชากรออสเตรียและฮังการีเป็นเท่าใด",
    ],
)
def test_an_earlier_topic_does_not_drown_a_question(text):
    assert content(text) >= STANDS_ALONE
    assert scored(user(OTHER), assistant(LONG_ANSWER), user(text)) == text


def test_follow_ups_of_follow_ups_go_back_to_the_question():
    chat = [user(QUESTION), assistant("2:38."), user("sure?"), assistant(LONG_ANSWER), user("why?")]
    assert scored(*chat) == f"{QUESTION}\nsure?\nwhy?"


@pytest.mark.parametrize("between", ["OK.", "Go on.", "はい。", "好的", "Which time of the day do you mean?"])
def test_a_question_in_two_turns_is_one(between):
    rest = "It leaves at 9:40 and arrives at 12:18: how long?"
    assert content(rest) >= STANDS_ALONE
    assert scored(user("A train goes from Vienna to Graz."), assistant(between), user(rest)) == (
        f"A train goes from Vienna to Graz.\n{rest}"
    )


def test_two_turns_without_an_answer_are_one():
    assert scored(user(OTHER), user(QUESTION)) == f"{OTHER}\n{QUESTION}"


@pytest.mark.parametrize("answer", ["42", "", "Water vapour.", LONG_ANSWER])
def test_what_was_answered_is_over(answer):
    assert scored(user(OTHER), assistant(answer), user(QUESTION)) == QUESTION


def test_the_system_prompt_counts_where_the_user_says_little_or_gives_data():
    told = system("Translate to French.")
    assert scored(told, user("the bread")) == "Translate to French.\nthe bread"
    code = "def f(x):\n    return [(y, y ** 2) for y in range(x)]\nprint(f(31), f(12), sum(map(len, [f(3), f(4)])))"
    assert scored(told, user(code)) == f"Translate to French.\n{code}"
    assert scored(told, user(QUESTION)) == QUESTION
    assert len(scored(system("x" * 10_000), user("hi"))) < 200


def test_tools_are_named_where_nothing_else_tells():
    assert scored(user("go"), tools=["get_weather", "", "send_mail"]) == "go\nget_weather, send_mail"
    assert scored(user("go"), tools=(f"tool_{i}" for i in range(10_000))).count("tool_") == 8


def test_a_tools_result_is_scored_with_the_task():
    loop = [user(QUESTION), assistant(""), Turn("tool", "old"), assistant(""), Turn("tool", "departure " * 99)]
    text = scored(*loop)
    assert text.startswith(f"{QUESTION}\ndeparture")
    assert len(text) < 1.3 * len(QUESTION), "a question is not drowned by a result"
    assert scored(user("go"), assistant(""), Turn("tool", "rain")) == "go\nrain"


def test_a_loop_that_is_tied_to_its_expert_is_scored_as_it_began():
    begun = [user(QUESTION)]
    first = scored(*begun, tools=["timetable"])
    for step in range(20):
        begun += [assistant(""), Turn("tool", f"result {step}")]
        assert scored(*begun, tools=["timetable"], tied=True) == first


@pytest.mark.parametrize("chat", [[], [user("")], [user(" "), assistant("")], [system("")], [Turn("tool", "")]])
def test_nothing_said_is_nothing_scored(chat):
    assert scored(*chat).strip() == ""


@pytest.mark.parametrize("turn", [system("Be brief."), Turn("tool", "rain"), assistant("Good day.")])
def test_without_a_user_the_newest_text_is_scored(turn):
    assert scored(turn, Turn("assistant", " ")) == turn.text


def test_pictures_alone_leave_the_turn_before():
    assert scored(user(QUESTION), assistant(LONG_ANSWER), user("")) == QUESTION


DOCUMENT = "\n\n".join(f"Paragraph {i}. " + "The parties agree on the terms of delivery. " * 20 for i in range(300))


@pytest.mark.parametrize("form", ["{document}\n\n{question}", "{question}\n\n{document}"])
def test_of_a_long_document_the_question_stays(form):
    text = scored(user(form.format(document=DOCUMENT, question=QUESTION)))
    assert QUESTION in text
    assert len(text) < 2 * len(QUESTION), "the document does not drown it"


def test_an_instruction_without_a_question_mark_stays_too():
    for form in (
        "Summarise the contract below for laymen.\n\n{}",
        "{}\n\nSummarise the contract above for laymen.",
    ):
        text = scored(user(form.format(DOCUMENT)))
        assert "Summarise the contract" in text
        assert len(text) < 200


def test_a_question_after_code_on_the_next_line_stays():
    code = "\n".join(f"    total += weights[{i}] * values[{i}]" for i in range(2_000))
    assert QUESTION in scored(user(f"{code}\n{QUESTION}"))


def test_work_is_bounded_whatever_is_sent():
    huge = "word " * 200_000
    asked = [
        scored(user(huge)),
        scored(user(huge), assistant(huge), user("and now?")),
        scored(system(huge), user(huge), user(huge), Turn("tool", huge), tools=[huge[:100]] * 999),
        scored(*[user("more of the same words again and again") for _ in range(10_000)]),
        scored(*[user("")] * 10_000, user("go")),
    ]
    assert max(map(len, asked)) < 4 * LONG
    assert max(len(clip(text, 160)) for text in asked) <= 2 * 160 * 24 + 1, "the tokenizer is given no more"


def test_a_long_chat_is_not_read_through():
    read = []

    def translated(turn):
        read.append(turn)
        return turn

    chat = [user(OTHER), assistant(LONG_ANSWER)] * 5_000
    scored_text([*chat, user("and now?")], translated)
    assert len(read) <= BACK + 3


def test_names_of_tools_of_any_form():
    odd = [None, "search", {}, {"function": None}, {"type": "web_search"}, {"function": {"name": 3}}]
    assert list(tool_names([*odd, {"name": "a"}, {"type": "function", "function": {"name": "b"}}])) == ["a", "b"]

from tokenizers import Tokenizer, models, pre_tokenizers

from leeroo.prediction.text import clip, encode, pad


def tokenizer():
    words = {str(i): i for i in range(1000)} | {"[UNK]": 1000}
    found = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    found.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return found


def test_long_texts_keep_head_and_tail():
    ids = encode(tokenizer(), [" ".join(str(i) for i in range(500))], 9)[0]
    assert ids == [0, 1, 2, 3, 4, 5, 497, 498, 499]


def test_huge_texts_are_cut_before_tokenising():
    text = "1 " * 1_000_000 + "2"
    assert len(clip(text, 64)) < 5000
    assert encode(tokenizer(), [text], 64)[0][-1] == 2


def test_half_a_character_is_no_error():
    assert encode(tokenizer(), ["1 \ud800 2"], 9) == [[1, 1000, 2]]


def test_padding_is_masked():
    ids, mask = pad([[5], [6, 7, 8]])
    assert ids.tolist() == [[5, 0, 0], [6, 7, 8]]
    assert mask.tolist() == [[1, 0, 0], [1, 1, 1]]
